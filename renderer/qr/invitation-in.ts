import { parseInvitation } from '../../shared/identity/pairing-link.ts';

/** An invitation as a code said it, and the relay that it names, which is to be shown before anybody follows it. */
export type ReadInvitation = { text: string; relayUrl: string | undefined };

/** The first invitation among what the codes of a picture say; undefined when none of them is one. */
export function invitationIn(texts: readonly string[]): ReadInvitation | undefined {
  for (const text of texts) {
    try {
      const { relayUrl } = parseInvitation(text);
      return { text: text.trim(), relayUrl };
    } catch {
      // A screenshot may show other codes, too.
    }
  }
  return undefined;
}
