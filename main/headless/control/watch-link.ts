import type { Agent } from '../../../shared/agent/agent.ts';
import type { RelayLink } from '../../../shared/ipc/app-state.ts';
import type { Problem } from '../../../shared/problems/problem.ts';

export type LinkedAgent = Pick<Agent, 'ready' | 'ended' | 'hasSession' | 'trouble'>;

/** How an agent stands with its relay, at each moment. */
export function watchLink({ ready, ended, hasSession, trouble }: LinkedAgent, relay: string): () => RelayLink {
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
    if (nodeId === undefined || !hasSession()) return connecting(relay, trouble());
    return { state: 'connected', relay, nodeId };
  };
}

export function connecting(relay: string, trouble: ReturnType<Agent['trouble']>): RelayLink {
  if (trouble === undefined) return { state: 'connecting', relay };
  return { state: 'connecting', relay, code: trouble.code, detail: trouble.message };
}
