import { hostname, networkInterfaces } from 'node:os';

export type ListeningPlace = {
  /** The address the relay listens on. */
  host: string;
  publicUrl?: string | undefined;
  /** What the operator adds, such as a name in a DNS of their own. */
  more?: readonly string[];
};

/**
 * Every name and address under which this relay may be dialled, best first. Asked again now and then, because addresses
 * come and go.
 */
export function certificateNames({ host, publicUrl, more = [] }: ListeningPlace): string[] {
  const self = hostname().toLowerCase();
  const names = [
    ...(publicUrl === undefined ? [] : [new URL(publicUrl).hostname]),
    ...more,
    ...(isEveryAddress(host) ? ownAddresses() : [host]),
    ...(isDnsName(self) ? [self, `${self.split('.')[0]}.local`] : []),
    'localhost',
    '127.0.0.1',
    '::1',
  ];
  return [...new Set(names.map((name) => name.replace(/^\[|\]$/g, '')))];
}

function isEveryAddress(host: string): boolean {
  return host === '0.0.0.0' || host === '::';
}

function ownAddresses(): string[] {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  // Link-local addresses mean nothing in a URL.
  return all.map(({ address }) => address).filter((address) => !address.startsWith('fe80:'));
}

function isDnsName(name: string): boolean {
  return /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/.test(name);
}
