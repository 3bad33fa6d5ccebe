import { useSyncExternalStore } from 'react';

/** The views in the order of the menu. The address bar's fragment names the one that is shown. */
export const VIEWS = ['home', 'contributions', 'models', 'machine', 'ledger', 'preferences', 'logs'] as const;
export type View = (typeof VIEWS)[number] | 'setup';

export function viewOf(fragment: string): View {
  const name = fragment.replace(/^#\/?/, '');
  return [...VIEWS, 'setup' as const].find((view) => view === name) ?? 'home';
}

export function useView(): View {
  return useSyncExternalStore(onFragment, () => viewOf(location.hash));
}

export function goTo(view: View): void {
  location.hash = `#/${view}`;
}

function onFragment(listener: () => void): () => void {
  window.addEventListener('hashchange', listener);
  return () => window.removeEventListener('hashchange', listener);
}
