import { countOf, slotsOf } from '../../fabric/nodes/free-nodes.ts';
import type { NodeTable } from '../../fabric/nodes/node-table.ts';

/** Whether nodes that serve a model have more free slots than `taken`, which others are about to take. */
export function hasFreeSlots(table: NodeTable, model: string, taken: number): boolean {
  const free = table.free(model);
  if (free === undefined || countOf(free) === 0) return false;
  let left = -taken;
  for (const set of [free.warm, free.cold, free.probation]) {
    for (const node of set.nodes) {
      left += slotsOf(node) - node.reserved;
      if (left > 0) return true;
    }
  }
  return false;
}
