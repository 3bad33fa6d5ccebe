import { isIPv4 } from 'node:net';
import { hostname } from 'node:os';
import { Bonjour } from 'bonjour-service';
import { type MdnsNetwork, mdnsSocketOptions } from '../../shared/discovery/mdns-network.ts';
import { SERVICE_TYPE, writeAnnouncement } from '../../shared/discovery/relay-announcement.ts';
import { PROTOCOL_VERSION } from '../../shared/protocol/limits.ts';
import type { RelayLog } from '../log.ts';

export type AnnounceOptions = {
  /** The address the relay listens on, as a URL. */
  url: string;
  version: string;
  network: MdnsNetwork;
  /** The relay's public key (`N…`). */
  relayKey?: string;
  log: RelayLog;
};

export type Announcement = {
  /** Says goodbye, so that nobody goes on listing this relay. */
  close(): Promise<void>;
};

/** Without an order: exactly when machines other than this one could reach the relay anyway. */
export function isToAnnounce(url: string, ordered: boolean | undefined): boolean {
  return ordered ?? !isLoopback(new URL(url).hostname);
}

/** Tells the local network that a relay is here. A network that refuses is logged and costs nothing else. */
export function announceRelay({ url, version, network, relayKey, log }: AnnounceOptions): Announcement {
  const { hostname: address, port: given, protocol } = new URL(url);
  // A URL does not name the usual port of its scheme.
  const port = Number(given || (protocol === 'https:' ? 443 : 80));
  const onError = (error: Error): void => {
    log.warn({ reason: error.message }, 'the relay cannot be announced by mDNS; nodes must be told its address');
  };
  const mdns = new Bonjour(mdnsSocketOptions(networkOf(address, network)), onError);
  // The library has no door for errors of its socket, and one that nobody hears ends the process.
  (mdns as unknown as { server: { mdns: NodeJS.EventEmitter } }).server.mdns.on('error', onError);
  mdns.publish({
    name: nameOf(port),
    type: SERVICE_TYPE,
    protocol: 'tcp',
    port,
    host: `${firstLabel(hostname())}.local`,
    txt: writeAnnouncement({
      version,
      protocol: PROTOCOL_VERSION,
      scheme: protocol === 'https:' ? 'https' : 'http',
      path: '/',
      ...(relayKey === undefined ? {} : { relayKey }),
    }),
    // The name holds host and port, which are one relay's alone; the library would report a conflict on stdout.
    probe: false,
  });
  log.info({ url, ...network }, 'the relay is announced by mDNS');
  return { close: () => sayGoodbye(mdns) };
}

/** How long a goodbye may take; a network that is gone must not hold up the end. */
const GOODBYE_TIMEOUT_MS = 500;

function sayGoodbye(mdns: Bonjour): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      mdns.destroy(() => resolve());
    };
    const timer = setTimeout(end, GOODBYE_TIMEOUT_MS);
    mdns.unpublishAll(end);
  });
}

/** A relay on one address is announced on the interface of that address only. */
function networkOf(address: string, network: MdnsNetwork): MdnsNetwork {
  const isOneAddress = isIPv4(address) && address !== '0.0.0.0' && !isLoopback(address);
  return network.interface === undefined && isOneAddress ? { ...network, interface: address } : network;
}

/** A DNS label holds at most 63 bytes. */
function nameOf(port: number): string {
  return `${firstLabel(hostname()).slice(0, 50)}-${port}`;
}

function firstLabel(name: string): string {
  return name.split('.')[0] || 'relay';
}

function isLoopback(host: string): boolean {
  return host === '[::1]' || host === 'localhost' || /^127\./.test(host);
}
