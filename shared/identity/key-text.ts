/** What a key in NATS's text form (an nkey) belongs to, by its first letter. */
export type KeyRole = 'node' | 'relay';

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
const PREFIX: Record<KeyRole, number> = { node: 20 << 3, relay: 13 << 3 };
const SEED_PREFIX = 18 << 3;
const KEY_BYTES = 32;
const CHECKSUM_BYTES = 2;

/** The 32 bytes of a public key such as `U…` (node) or `N…` (relay), or undefined for anything else. */
export function publicKeyBytes(text: string, role?: KeyRole): Uint8Array<ArrayBuffer> | undefined {
  const raw = checkedBytes(text, 1 + KEY_BYTES);
  if (raw === undefined) return undefined;
  const roles = role === undefined ? Object.values(PREFIX) : [PREFIX[role]];
  return roles.includes(raw[0] ?? 0) ? raw.slice(1) : undefined;
}

/** The role of a seed (`SU…`, `SN…`), the 32 bytes of its private key, or undefined for anything else. */
export function seedBytes(seed: Uint8Array): { role: KeyRole; key: Uint8Array<ArrayBuffer> } | undefined {
  const raw = checkedBytes(new TextDecoder().decode(seed), 2 + KEY_BYTES);
  if (raw === undefined || ((raw[0] ?? 0) & 0xf8) !== SEED_PREFIX) return undefined;
  const prefix = (((raw[0] ?? 0) & 0x07) << 5) | (((raw[1] ?? 0) & 0xf8) >> 3);
  const role = (Object.keys(PREFIX) as KeyRole[]).find((name) => PREFIX[name] === prefix);
  return role === undefined ? undefined : { role, key: raw.slice(2) };
}

/** The text of a public key. */
export function publicKeyText(role: KeyRole, key: Uint8Array): string {
  return checkedText(Uint8Array.of(PREFIX[role], ...key));
}

/** The text of a seed, from the 32 bytes of a private key. A secret. */
export function seedText(role: KeyRole, key: Uint8Array): string {
  const prefix = PREFIX[role];
  return checkedText(Uint8Array.of(SEED_PREFIX | (prefix >> 5), (prefix & 31) << 3, ...key));
}

/** Decodes `size` bytes and the checksum behind them. */
function checkedBytes(text: string, size: number): Uint8Array<ArrayBuffer> | undefined {
  const all = decodeBase32(text, size + CHECKSUM_BYTES);
  if (all === undefined) return undefined;
  const body = all.slice(0, size);
  const sum = checksum(body);
  return all[size] === (sum & 0xff) && all[size + 1] === sum >> 8 ? body : undefined;
}

function checkedText(body: Uint8Array): string {
  const sum = checksum(body);
  return encodeBase32(Uint8Array.of(...body, sum & 0xff, sum >> 8));
}

function decodeBase32(text: string, size: number): Uint8Array<ArrayBuffer> | undefined {
  if (text.length !== Math.ceil((size * 8) / 5)) return undefined;
  const bytes = new Uint8Array(size);
  let [held, bits, at] = [0, 0, 0];
  for (const letter of text) {
    const value = ALPHABET.indexOf(letter);
    if (value < 0) return undefined;
    held = ((held << 5) | value) & 0xfff;
    bits += 5;
    if (bits < 8) continue;
    bits -= 8;
    bytes[at++] = (held >> bits) & 0xff;
  }
  return bytes;
}

function encodeBase32(bytes: Uint8Array): string {
  let [held, bits, text] = [0, 0, ''];
  for (const byte of bytes) {
    held = ((held << 8) | byte) & 0xfff;
    bits += 8;
    for (; bits >= 5; bits -= 5) text += ALPHABET[(held >> (bits - 5)) & 31];
  }
  return bits === 0 ? text : text + ALPHABET[(held << (5 - bits)) & 31];
}

/** CRC-16/XMODEM, as nkeys use it. */
function checksum(bytes: Uint8Array): number {
  let crc = 0;
  for (const byte of bytes) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit += 1) crc = ((crc << 1) ^ (crc & 0x8000 ? 0x1021 : 0)) & 0xffff;
  }
  return crc;
}
