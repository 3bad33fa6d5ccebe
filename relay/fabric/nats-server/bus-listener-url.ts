/** The bus's own listener as nodes may dial it. */
export type OpenListener = {
  scheme: 'ws' | 'wss';
  port: number;
  /** Whether other machines reach it. */
  isPublic: boolean;
};

/** How a node reached the relay. */
export type DialledAt = {
  /** The `Host` header. */
  host: string | undefined;
  /** The relay's end of the connection. */
  localAddress: string | undefined;
  localPort: number | undefined;
};

/**
 * Where a node that dialled the relay itself reaches the bus past the relay's process; undefined for one that came
 * through a tunnel, a forwarded port or a test's line, whose way to the other port nobody knows.
 */
export function listenerUrlFor(
  listener: OpenListener,
  { host = '', localAddress, localPort }: DialledAt,
): string | undefined {
  const { scheme, port, isPublic } = listener;
  const dialled = URL.parse(`${scheme}://${host}`);
  if (dialled === null || Number(dialled.port || (scheme === 'wss' ? 443 : 80)) !== localPort) return undefined;
  if (isLoopback(localAddress)) return isLoopback(dialled.hostname) ? `${scheme}://127.0.0.1:${port}` : undefined;
  return isPublic ? `${scheme}://${dialled.hostname}:${port}` : undefined;
}

function isLoopback(address = ''): boolean {
  return address === 'localhost' || /^\[?::1\]?$/.test(address) || /^(::ffff:)?127\./.test(address);
}
