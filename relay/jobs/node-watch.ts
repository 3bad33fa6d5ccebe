import type { LiveNode, NodeTable } from '../fabric/nodes/node-table.ts';
import { InFlight } from '../in-flight.ts';
import type { AttemptPorts } from './attempt.ts';

/** One listener on the table for many attempts, each waiting for the end of its own node. */
export function watchNodes(table: NodeTable): AttemptPorts['whenGone'] {
  const watchers = new WeakMap<LiveNode, InFlight<(reason: string) => void>>();
  table.listen({
    onGone: (node, reason) => {
      const gone = watchers.get(node) ?? [];
      watchers.delete(node);
      for (const tell of gone) tell(reason);
    },
  });
  return (node, gone) => {
    const crowd = watchers.get(node) ?? new InFlight();
    if (crowd.size === 0) watchers.set(node, crowd);
    const ticket = crowd.add(gone);
    return () => crowd.remove(ticket, gone);
  };
}
