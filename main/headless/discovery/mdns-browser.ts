import { Bonjour, type BrowserConfig, type Service } from 'bonjour-service';
import { type MdnsNetwork, mdnsSocketOptions } from '../../../shared/discovery/mdns-network.ts';
import { SERVICE_TYPE } from '../../../shared/discovery/relay-announcement.ts';

/** What discovery reads of a service that was heard of. Everything in it was written by a stranger. */
export type HeardService = Pick<Service, 'name' | 'port' | 'txt' | 'addresses' | 'referer'>;

export type ServiceBrowser = {
  /** Asks the network again. */
  ask(): void;
  stop(): void;
};

export type BrowseOptions = {
  network: MdnsNetwork;
  onHeard(service: HeardService): void;
  onGone(name: string): void;
  onError(error: Error): void;
};

/** Listens for relays on the local network. The one file of this room that knows the mDNS library. */
export function browseServices({ network, onHeard, onGone, onError }: BrowseOptions): ServiceBrowser {
  const mdns = new Bonjour(mdnsSocketOptions(network), onError);
  // The library has no door for errors of its socket, and one that nobody hears ends the process.
  (mdns as unknown as { server: { mdns: NodeJS.EventEmitter } }).server.mdns.on('error', onError);
  const config: BrowserConfig = { type: SERVICE_TYPE, protocol: 'tcp' };
  const browser = mdns.find(config, onHeard);
  browser.on('txt-update', onHeard);
  browser.on('srv-update', onHeard);
  browser.on('down', (service) => onGone(service.name));
  return {
    ask: () => browser.update(),
    stop: () => {
      browser.stop();
      mdns.destroy();
    },
  };
}
