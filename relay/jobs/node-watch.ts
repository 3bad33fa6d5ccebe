import type { LiveNode, NodeTable } from '../fabric/node-table.ts';
import type { AttemptPorts } from './attempt.ts';

/** One listener on the table for many attempts, each waiting for the end of its own node. */
export function watchNodes(table: NodeTable): AttemptPorts['whenGone'] {
  const watchers = new Map<LiveNode, Set<(reason: string) => void>>();
  table.listen({
    onGone: (node, reason) => {
      const gone = watchers.get(node);
      watchers.delete(node);
      for (const tell of gone ?? []) tell(reason);
    },
  });
  return (node, gone) => {
    const set = watchers.get(node) ?? new Set();
    watchers.set(node, set.add(gone));
    return () => {
      set.delete(gone);
      if (set.size === 0 && watchers.get(node) === set) watchers.delete(node);
    };
  };
}
