import { networkInterfaces } from 'node:os';

const EVERYWHERE = ['0.0.0.0', '[::]', '::'];

/**
 * Where other machines reach what listens here: an address of this machine in place of "every address". Undefined when
 * nobody else can, because it listens on loopback alone or there is no network.
 */
export function lanUrl(url: string): string | undefined {
  const { protocol, hostname, port } = new URL(url);
  if (!EVERYWHERE.includes(hostname)) return isLoopback(hostname) ? undefined : url;
  const address = lanAddress();
  return address === undefined ? undefined : `${protocol}//${address}${port === '' ? '' : `:${port}`}`;
}

/** Where this machine reaches a relay of its own: one that listens on every address has none to dial by that name. */
export function localUrlOf(url: string): string {
  const { protocol, hostname, port } = new URL(url);
  const name = hostname === '0.0.0.0' || hostname === '[::]' ? '127.0.0.1' : hostname;
  return `${protocol}//${name}${port === '' ? '' : `:${port}`}`;
}

export function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || hostname.startsWith('127.');
}

/** The first one, which is the way out on most machines; where it is not, the operator names another. */
function lanAddress(): string | undefined {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return all.find(({ family, internal, address }) => family === 'IPv4' && !internal && !address.startsWith('169.254.'))
    ?.address;
}
