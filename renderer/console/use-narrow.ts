import { useSyncExternalStore } from 'react';

const NARROW = matchMedia('(max-width: 52rem)');

/** Whether a table would be wider than the page; as `frame.css` has it. */
export function useNarrow(): boolean {
  return useSyncExternalStore(watch, () => NARROW.matches);
}

function watch(listener: () => void): () => void {
  NARROW.addEventListener('change', listener);
  return () => NARROW.removeEventListener('change', listener);
}
