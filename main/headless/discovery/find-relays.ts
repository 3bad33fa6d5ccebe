import { networkInterfaces } from 'node:os';
import type { MdnsNetwork } from '../../../shared/discovery/mdns-network.ts';
import { type RelayAnnouncement, readAnnouncement } from '../../../shared/discovery/relay-announcement.ts';
import { browseServices, type HeardService } from './mdns-browser.ts';
import { relayAddresses } from './relay-addresses.ts';

/** A relay of the local network that answered at its address. */
export type FoundRelay = { name: string; url: string; announcement: RelayAnnouncement };

export type FindOptions = {
  network: MdnsNetwork;
  /** How long to look when nobody answers. */
  timeoutMs: number;
  /** How long to listen for others after the first one. */
  settleMs: number;
  /** Whether a relay answers at an address. */
  answers(url: string): Promise<boolean>;
  /** How the network is listened to; multicast DNS when absent. */
  browse?: typeof browseServices;
};

/** Announcements that were heard but do not count: malformed, of another protocol, or of a relay that does not answer. */
export type Findings = { relays: FoundRelay[]; ignored: number };

/** Nobody has more relays than this at home; a stranger who invents names must not fill the memory. */
const MOST_RELAYS = 64;
/** A question over multicast may get lost. */
const ASK_AGAIN_MS = 1_000;

/**
 * Looks for relays on the local network.
 *
 * Invariants: (1) a relay counts when it has answered itself, never because of what was announced; (2) one that says
 * goodbye while we look does not count; (3) it ends `settleMs` after the first that counts, or after `timeoutMs`.
 *
 * Rejects with the error of the socket when this machine cannot take part in multicast DNS.
 */
export async function findRelays(options: FindOptions): Promise<Findings> {
  const own = ownAddresses();
  const heard = new Map<string, FoundRelay | undefined>();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const timers: NodeJS.Timeout[] = [setTimeout(resolve, options.timeoutMs)];
  const onHeard = async (service: HeardService): Promise<void> => {
    const name = printable(service.name);
    if (heard.get(name) !== undefined || (!heard.has(name) && heard.size >= MOST_RELAYS)) return;
    heard.set(name, undefined);
    const relay = await reach(name, service, own, options.answers);
    if (relay === undefined || !heard.has(name)) return;
    heard.set(name, relay);
    timers.push(setTimeout(resolve, options.settleMs));
  };
  const { browse = browseServices } = options;
  const browser = browse({
    network: options.network,
    onHeard: (service) => void onHeard(service),
    onGone: (name) => heard.delete(printable(name)),
    onError: reject,
  });
  const asking = setInterval(() => browser.ask(), ASK_AGAIN_MS);
  try {
    await promise;
  } finally {
    for (const timer of timers) clearTimeout(timer);
    clearInterval(asking);
    browser.stop();
  }
  const relays = [...heard.values()].filter((relay) => relay !== undefined);
  return { relays: relays.sort((a, b) => a.name.localeCompare(b.name)), ignored: heard.size - relays.length };
}

async function reach(
  name: string,
  service: HeardService,
  own: ReadonlySet<string>,
  answers: FindOptions['answers'],
): Promise<FoundRelay | undefined> {
  const announcement = readAnnouncement(service.txt);
  if (announcement === undefined) return undefined;
  const urls = relayAddresses(service, announcement, own);
  const reachable = await Promise.all(urls.map(answers));
  const url = urls.find((_url, index) => reachable[index]);
  return url === undefined ? undefined : { name, url, announcement };
}

function ownAddresses(): ReadonlySet<string> {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return new Set(all.map(({ address }) => address));
}

/** A stranger chose the name, and a person will read it in a terminal. */
function printable(name: string): string {
  return name.replace(/[^\p{L}\p{N} ._@'()-]/gu, '?').slice(0, 63);
}
