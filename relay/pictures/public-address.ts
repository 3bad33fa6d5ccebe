import { BlockList, isIP } from 'node:net';

/** Special-purpose blocks of IANA's registries (RFC 6890 and later): this machine, private networks, and what nobody has. */
const NOT_PUBLIC: readonly (readonly [block: string, bits: number])[] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
];
/** All of the internet that has addresses of version 6, and what in it leads to other addresses or nowhere. */
const GLOBAL_V6 = ['2000::', 3] as const;
const NOT_PUBLIC_V6: readonly (readonly [block: string, bits: number])[] = [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
];

const refused = new BlockList();
for (const [block, bits] of NOT_PUBLIC) refused.addSubnet(block, bits, 'ipv4');
for (const [block, bits] of NOT_PUBLIC_V6) refused.addSubnet(block, bits, 'ipv6');
const global = new BlockList();
global.addSubnet(...GLOBAL_V6, 'ipv6');

/** Whether an address leads to the internet: not to this machine, a private network, or a cloud's own services. */
export function isPublicAddress(address: string): boolean {
  const version = isIP(address);
  if (version === 4) return !refused.check(address, 'ipv4');
  return version === 6 && global.check(address, 'ipv6') && !refused.check(address, 'ipv6');
}
