import { BlockList, isIP } from 'node:net';

/**
 * Where an address leads: to the internet, into a private network, or where nobody has any business whom a client names: this
 * machine, its link, what clouds tell their machines alone, many machines at once, and blocks that nobody has.
 */
export type AddressKind = 'public' | 'private' | 'never';

type Block = readonly [block: string, bits: number];

/** Of homes and companies (RFC 1918), of carriers and of networks laid over the internet (RFC 6598), of version 6 (RFC 4193). */
const PRIVATE: readonly Block[] = [
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['fc00::', 7],
];
/** Where clouds tell their machines' secrets elsewhere than on link-local addresses: Alibaba, Azure, Amazon and Google. */
const OF_CLOUDS: readonly Block[] = [
  ['100.100.100.200', 32],
  ['168.63.129.16', 32],
  ['fd00:ec2::254', 128],
  ['fd20:ce::254', 128],
];
/** The other special-purpose blocks of IANA's registries (RFC 6890 and later). */
const SPECIAL: readonly Block[] = [
  ['0.0.0.0', 8],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  // Oracle's cloud tells secrets in here.
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
];
/** All of the internet that has addresses of version 6. */
const GLOBAL_V6: readonly Block[] = [['2000::', 3]];
/** Behind these an address of version 4 stands: as the system writes it, and of networks without one (RFC 6052). */
const LAST_32_BITS = /^(?:::ffff|64:ff9b:):([0-9a-f]{1,4}):([0-9a-f]{1,4})$/;

const isPrivate = within(PRIVATE);
const isNever = within([...OF_CLOUDS, ...SPECIAL]);
const isGlobalV6 = within(GLOBAL_V6);

/** Of an address in any form that the system may give; `never` for a text that is none. */
export function kindOfAddress(given: string): AddressKind {
  // Without the name of a network card, which link-local addresses may have.
  const [text = ''] = given.split('%', 1);
  const address = isIP(text) === 6 ? withoutVersion6(text) : text;
  if (isIP(address) === 0 || isNever(address)) return 'never';
  if (isPrivate(address)) return 'private';
  return isIP(address) === 4 || isGlobalV6(address) ? 'public' : 'never';
}

export function isPublicAddress(address: string): boolean {
  return kindOfAddress(address) === 'public';
}

function withoutVersion6(text: string): string {
  const shortest = new URL(`http://[${text}]`).hostname.slice(1, -1);
  const [, high, low] = LAST_32_BITS.exec(shortest) ?? [];
  if (high === undefined || low === undefined) return shortest;
  const [a, b] = [Number.parseInt(high, 16), Number.parseInt(low, 16)];
  return [a >> 8, a & 255, b >> 8, b & 255].join('.');
}

function within(blocks: readonly Block[]): (address: string) => boolean {
  const list = new BlockList();
  for (const [block, bits] of blocks) list.addSubnet(block, bits, versionOf(block));
  return (address) => list.check(address, versionOf(address));
}

function versionOf(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 6 ? 'ipv6' : 'ipv4';
}
