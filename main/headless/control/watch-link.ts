import type { Agent } from '../../../shared/agent/agent.ts';
import type { RelayLink } from '../../../shared/ipc/app-state.ts';
import type { Problem } from '../../../shared/problems/problem.ts';

/** How an agent stands with its relay, at each moment. */
export function watchLink(
  { ready, ended, hasSession }: Pick<Agent, 'ready' | 'ended' | 'hasSession'>,
  relay: string,
): () => RelayLink {
  let nodeId: string | undefined;
  let refusal: Problem | undefined;
  ready.then(
    (id) => {
      nodeId = id;
    },
    () => undefined, // `ended` carries the reason.
  );
  void ended.then((problem) => {
    refusal = problem;
  });
  return () => {
    if (refusal !== undefined) return { state: 'refused', relay, code: refusal.code, detail: refusal.message };
    if (nodeId === undefined || !hasSession()) return { state: 'connecting', relay };
    return { state: 'connected', relay, nodeId };
  };
}
