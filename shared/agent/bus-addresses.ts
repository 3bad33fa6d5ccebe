/** Where the bus of a relay may be: a node knocks at no other machine for it, whatever its relay says. */

/** The bus behind the relay's own port, by its path there. */
export function doorUrlOf(relayUrl: string, path: string): string {
  const url = new URL(path, relayUrl);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  return url.href;
}

/** A listener of the bus on the relay's own machine, as the relay tells it; undefined for what is none. */
export function listenerUrlOf(relayUrl: string, told: string | undefined): string | undefined {
  const url = URL.parse(told ?? '');
  if (url === null || !/^wss?:$/.test(url.protocol)) return undefined;
  const { hostname } = new URL(relayUrl);
  // What this machine calls itself, the listener does not always go by.
  const isThere = url.hostname === hostname || (isLoopbackName(hostname) && url.hostname === '127.0.0.1');
  return isThere ? `${url.protocol}//${url.host}` : undefined;
}

export function isLoopbackName(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d+){3}$/.test(hostname);
}
