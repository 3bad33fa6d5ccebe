/** The pages outside the app that it may open: an origin and how the path begins. Nothing else leaves for a browser. */
const ALLOWED: readonly { origin: string; path: string }[] = [
  { origin: 'https://github.com', path: '/sparewatt/sparewatt' },
  { origin: 'https://sparewatt.example', path: '/' },
  { origin: 'https://huggingface.co', path: '/' },
];
const LINK_MOST_CHARACTERS = 8_192;

/** Whether a link may be opened in the person's browser. */
export function isAllowedLink(text: string): boolean {
  if (text.length > LINK_MOST_CHARACTERS) return false;
  const url = URL.parse(text);
  if (url === null || url.username !== '' || url.password !== '') return false;
  return ALLOWED.some(({ origin, path }) => url.origin === origin && isBelow(url.pathname, path));
}

function isBelow(path: string, top: string): boolean {
  return path === top || path.startsWith(top.endsWith('/') ? top : `${top}/`);
}
