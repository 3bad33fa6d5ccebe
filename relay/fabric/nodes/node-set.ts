import type { LiveNode } from './node-table.ts';

/** Nodes in one array, so that one can be drawn at random in constant time. The order means nothing. */
export type NodeSet = {
  readonly nodes: readonly LiveNode[];
  has(node: LiveNode): boolean;
  add(node: LiveNode): void;
  delete(node: LiveNode): void;
};

/** Invariant: `places` holds exactly the index of each node in `nodes`. */
export function createNodeSet(): NodeSet {
  const nodes: LiveNode[] = [];
  const places = new Map<LiveNode, number>();
  return {
    nodes,
    has: (node) => places.has(node),
    add: (node) => {
      if (places.has(node)) return;
      places.set(node, nodes.length);
      nodes.push(node);
    },
    delete: (node) => {
      const place = places.get(node);
      const last = nodes.at(-1);
      if (place === undefined || last === undefined) return;
      nodes[place] = last;
      places.set(last, place);
      nodes.pop();
      places.delete(node);
    },
  };
}
