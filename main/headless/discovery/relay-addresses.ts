import type { RelayAnnouncement } from '../../../shared/discovery/relay-announcement.ts';
import type { HeardService } from './mdns-browser.ts';

/** A machine has a handful of addresses; a stranger may claim any number. */
const MOST_ADDRESSES = 8;

/**
 * Where a relay that was heard may be reached, best first: on this machine if it spoke from here, at the address it
 * spoke from, then at the addresses it named. Link-local IPv6 addresses are left out: they mean nothing in a URL.
 */
export function relayAddresses(
  { port, referer, addresses = [] }: HeardService,
  { scheme, path }: RelayAnnouncement,
  ownAddresses: ReadonlySet<string>,
): string[] {
  const from = referer?.address;
  const here = from !== undefined && ownAddresses.has(from) ? ['127.0.0.1'] : [];
  const named = addresses.toSorted((a, b) => Number(a.includes(':')) - Number(b.includes(':')));
  const all = new Set([...here, ...(from === undefined ? [] : [from]), ...named]);
  return [...all]
    .filter((address) => !address.toLowerCase().startsWith('fe80:'))
    .slice(0, MOST_ADDRESSES)
    .map((address) => new URL(path, `${scheme}://${address.includes(':') ? `[${address}]` : address}:${port}`).href)
    .map((url) => url.replace(/\/+$/, ''));
}
