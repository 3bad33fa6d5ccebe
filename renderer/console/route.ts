import { useSyncExternalStore } from 'react';

export const PAGES = ['overview', 'nodes', 'jobs', 'approvals', 'keys', 'pairing', 'playground', 'receipts'] as const;
export type PageName = (typeof PAGES)[number];

/** Where in the console one is: `#/nodes/attic-a`. */
export type Route = { page: PageName; id: string | null };

export function useRoute(): Route {
  const hash = useSyncExternalStore(
    (listener) => {
      addEventListener('hashchange', listener);
      return () => removeEventListener('hashchange', listener);
    },
    () => location.hash,
  );
  return parseRoute(hash);
}

/** An address that leads nowhere leads to the overview. */
function parseRoute(hash: string): Route {
  const [, name = '', id = ''] = /^#\/([a-z]*)(?:\/(.*))?$/.exec(hash) ?? [];
  const page = PAGES.find((one) => one === name);
  return { page: page ?? 'overview', id: page === undefined || id === '' ? null : decoded(id) };
}

export function linkTo(page: PageName, id?: string): string {
  return id === undefined ? `#/${page}` : `#/${page}/${encodeURIComponent(id)}`;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
