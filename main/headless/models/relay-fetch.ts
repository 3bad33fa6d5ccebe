import { originOf, relayChanged } from '../../../shared/agent/relay-conversation.ts';
import { fingerprintOf } from '../../../shared/identity/certificate-fingerprint.ts';
import { fetchTrusting } from '../fetch-trusting.ts';
import { inspectServer } from '../inspect-server.ts';

/**
 * A fetch for the files of a relay. Where it has a certificate authority of its own, that one counts and no other, by
 * the fingerprint that `expect` finds; without one the system's authorities do. No redirect is followed.
 * Rejects with `relay_identity_changed` when another authority vouches, else as `fetch` does.
 */
export function createRelayFetch(relayUrl: string, expect: () => Promise<string | undefined>): typeof globalThis.fetch {
  const { protocol } = new URL(relayUrl);
  let authority: string | undefined;
  return async (input, init = {}) => {
    const fingerprint = protocol === 'https:' ? await expect() : undefined;
    if (fingerprint === undefined) return fetch(input, { ...init, redirect: 'manual' });
    authority ??= await authorityOf(relayUrl, fingerprint, init.signal ?? new AbortController().signal);
    return fetchTrusting(authority)(input, init);
  };
}

async function authorityOf(relayUrl: string, fingerprint: string, signal: AbortSignal): Promise<string> {
  const { authority } = await inspectServer(relayUrl, signal);
  if (authority !== undefined && (await fingerprintOf(authority)) === fingerprint) return authority;
  throw relayChanged(originOf(relayUrl));
}
