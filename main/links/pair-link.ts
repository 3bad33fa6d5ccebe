import { type PairingInvitation, parseInvitation } from '../../shared/identity/pairing-link.ts';
import { Problem } from '../../shared/problems/problem.ts';

export const LINK_SCHEME = 'sparewatt';

/** Ours have some 200 characters; whoever hands over more wants something else. */
const LINK_MOST_CHARACTERS = 1_024;
const KNOWN = new Set(['relay', 'code', 'key', 'ca']);

/** An invitation that names its relay, as every link does. */
export type LinkInvitation = PairingInvitation & { relayUrl: string; relayKey: string };

/**
 * Reads a `sparewatt://pair?…` that any program or web page may have opened: nothing but what `pairingLink` writes, each
 * part once, and a relay that is an origin. Errors: `invalid_option`, without repeating what came.
 */
export function parsePairLink(text: string): LinkInvitation {
  if (text.length > LINK_MOST_CHARACTERS) throw refused('is too long');
  if (!/^[\x21-\x7e]+$/.test(text)) throw refused('has characters that no link has');
  const url = URL.parse(text);
  if (url?.protocol !== `${LINK_SCHEME}:` || url.host !== 'pair') throw refused('is none of ours');
  if (url.username !== '' || url.password !== '' || url.hash !== '' || !/^\/?$/.test(url.pathname)) {
    throw refused('has more than a pairing link has');
  }
  const names = [...url.searchParams.keys()];
  if (names.some((name) => !KNOWN.has(name)) || new Set(names).size !== names.length) {
    throw refused('says something twice or something unknown');
  }
  const invitation = parseInvitation(text);
  const { relayUrl, relayKey } = invitation;
  if (relayUrl === undefined || relayKey === undefined) throw refused('names no relay');
  const relay = URL.parse(relayUrl);
  if (relay === null || relay.origin !== relayUrl) throw refused('names a relay by more than its address');
  return { ...invitation, relayUrl, relayKey };
}

/** The link among the arguments that a system starts programs with; undefined when there is none, or more than one. */
export function linkAmong(argv: readonly string[]): string | undefined {
  const links = argv.filter((argument) => argument.startsWith(`${LINK_SCHEME}:`));
  return links.length === 1 ? links[0] : undefined;
}

function refused(fault: string): Problem {
  return new Problem('invalid_option', `The pairing link ${fault}. Ask for a new one, or type the code.`);
}
