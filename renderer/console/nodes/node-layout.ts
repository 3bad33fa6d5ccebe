import { useState } from 'react';

export const NODE_LAYOUTS = ['table', 'cards'] as const;
export type NodeLayout = (typeof NODE_LAYOUTS)[number];

const LAYOUT_KEY = 'sparewatt-console-nodes';

/** How nodes are listed, as it was chosen in this browser; and how another way is chosen, which is kept. */
export function useNodeLayout(): [NodeLayout, (layout: NodeLayout) => void] {
  const [layout, setLayout] = useState(readLayout);
  const choose = (wanted: NodeLayout): void => {
    setLayout(wanted);
    try {
      localStorage.setItem(LAYOUT_KEY, wanted);
    } catch {
      // A browser that keeps nothing shows it all the same.
    }
  };
  return [layout, choose];
}

function readLayout(): NodeLayout {
  try {
    const kept = localStorage.getItem(LAYOUT_KEY);
    return NODE_LAYOUTS.find((layout) => layout === kept) ?? 'table';
  } catch {
    return 'table';
  }
}
