import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import { originOf, relayChanged } from '../../../shared/agent/relay-conversation.ts';
import { fingerprintOf } from '../../../shared/identity/certificate-fingerprint.ts';
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
    return fetchStream(new URL(String(input)), init, authority);
  };
}

async function authorityOf(relayUrl: string, fingerprint: string, signal: AbortSignal): Promise<string> {
  const { authority } = await inspectServer(relayUrl, signal);
  if (authority !== undefined && (await fingerprintOf(authority)) === fingerprint) return authority;
  throw relayChanged(originOf(relayUrl));
}

/** Unlike `fetchTrusting` it hands the body on as it comes, since weights are larger than memory. */
function fetchStream(url: URL, { headers, signal }: RequestInit, authority: string): Promise<Response> {
  return new Promise((resolve, reject) => {
    const options = {
      headers: Object.fromEntries(new Headers(headers)),
      ca: authority,
      agent: false,
      ...(signal ? { signal } : {}),
    };
    const sent = request(url, options, (answer) => {
      try {
        resolve(responseOf(answer));
      } catch (cause) {
        // Some numbers no answer with a body may have, and others nobody knows; thrown here they would end the node.
        answer.destroy();
        reject(new Error(`it answered with status ${answer.statusCode}`, { cause }));
      }
    });
    sent.on('error', reject);
    sent.end();
  });
}

function responseOf(answer: IncomingMessage): Response {
  const headers = Object.entries(answer.headers).map(([name, value]): [string, string] => [name, String(value)]);
  const body = Readable.toWeb(answer) as ReadableStream<Uint8Array>;
  return new Response(body as ConstructorParameters<typeof Response>[0], { status: answer.statusCode ?? 500, headers });
}
