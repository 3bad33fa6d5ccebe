import { Problem } from '../problems/problem.ts';
import { publicKeyBytes } from './key-text.ts';
import { readPairingCode } from './pairing-code.ts';

/** What an operator hands to a node: a code, and with a link also where and who the relay is. */
export type PairingInvitation = {
  code: string;
  relayUrl?: string;
  relayKey?: string;
  /** SHA-256 of the authority of the relay's TLS, where it has one of its own. */
  authority?: string;
};
type WholeInvitation = PairingInvitation & { relayUrl: string; relayKey: string };

/** `sparewatt://pair?relay=…&code=…&key=…`, and `&ca=…` of a relay with an authority of its own. */
export function pairingLink(invitation: WholeInvitation): string {
  const { relayUrl, code, relayKey, authority } = invitation;
  const ca = authority === undefined ? {} : { ca: authority };
  return `sparewatt://pair?${new URLSearchParams({ relay: relayUrl, code, key: relayKey, ...ca })}`;
}

/**
 * The same as the address of the relay's page `/join`, for a phone's camera: behind the `#` no server sees it. `link` is one of
 * `pairingLink`.
 */
export function joinPageLink(link: string): string {
  const { searchParams } = new URL(link);
  const relayUrl = searchParams.get('relay') ?? '';
  searchParams.delete('relay');
  return `${relayUrl}/join#${searchParams}`;
}

/** Whether a browser on another machine, or on this one, keeps a key for pages of this relay: not over plain HTTP from elsewhere. */
export function isForBrowsers(relayUrl: string): boolean {
  const { protocol, hostname } = new URL(relayUrl);
  return protocol === 'https:' || /^(localhost|\[::1\]|127(\.\d+){3})$/.test(hostname);
}

/** Reads a code, a link or the address of a page `/join`, as a person pasted it. Errors: `invalid_option`. */
export function parseInvitation(text: string): PairingInvitation {
  const trimmed = text.trim();
  if (!trimmed.includes(':')) return { code: checkedCode(trimmed) };
  const url = URL.parse(trimmed);
  if (url !== null && isJoinPage(url)) return partsOf(url.origin, new URLSearchParams(url.hash.slice(1)));
  if (url === null || url.protocol !== 'sparewatt:' || !/^(\/\/)?pair\/?\?/.test(trimmed.slice('sparewatt:'.length))) {
    throw new Problem('invalid_option', 'A pairing link looks like sparewatt://pair?relay=…&code=…&key=….');
  }
  const relayUrl = url.searchParams.get('relay') ?? '';
  if (!isHttpUrl(relayUrl))
    throw new Problem('invalid_option', 'The pairing link names no relay. Copy it again, whole.');
  if (!url.searchParams.has('key')) throw noRelayKey();
  return partsOf(relayUrl.replace(/\/+$/, ''), url.searchParams);
}

function isJoinPage({ protocol, pathname, username, password, search }: URL): boolean {
  return /^https?:$/.test(protocol) && pathname === '/join' && `${username}${password}${search}` === '';
}

/** A page's address that a person was told of may name no key; a key that is named must be one. */
function partsOf(relayUrl: string, parts: URLSearchParams): PairingInvitation {
  const relayKey = parts.get('key');
  if (relayKey !== null && publicKeyBytes(relayKey, 'relay') === undefined) throw noRelayKey();
  const authority = parts.get('ca');
  if (authority !== null && !/^[\w-]{43}$/.test(authority)) {
    throw new Problem(
      'invalid_option',
      'The pairing link has no valid fingerprint of the relay. Copy it again, whole.',
    );
  }
  return {
    code: checkedCode(parts.get('code') ?? ''),
    relayUrl,
    ...(relayKey === null ? {} : { relayKey }),
    ...(authority === null ? {} : { authority }),
  };
}

function noRelayKey(): Problem {
  return new Problem('invalid_option', 'The pairing link has no valid relay key. Copy it again, whole.');
}

function checkedCode(text: string): string {
  const code = readPairingCode(text);
  if (code !== undefined) return code;
  // The text may be a code with a slip of the pen, so it is not repeated.
  throw new Problem('invalid_option', 'This is no pairing code; one looks like K7QF-2M9X-HB4T. Check it for slips.');
}

function isHttpUrl(text: string): boolean {
  const url = URL.parse(text);
  return url !== null && /^https?:$/.test(url.protocol) && url.hostname !== '';
}
