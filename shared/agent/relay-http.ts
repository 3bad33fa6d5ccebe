import { Type } from 'typebox';
import { fromProblemRecord, Problem } from '../problems/problem.ts';
import { encodeJson, messageReader } from '../protocol/codec.ts';
import { readAtMost } from '../protocol/read-body.ts';
import { whyUnreached } from './why-unreached.ts';

export type RelayHttp = {
  relayUrl: string;
  fetch: typeof globalThis.fetch;
  signal: AbortSignal;
};

const readRefusal = messageReader(Type.Object({ code: Type.String(), detail: Type.String() }), 'problem');
const ATTEMPT_TIMEOUT_MS = 10_000;
/** Several times what a relay has to say to a node at once. */
const ANSWER_MOST_BYTES = 4 * 1024 * 1024;

/** One POST to the relay. Throws `relay_unreachable` (try again) or the relay's own refusal. */
export async function postToRelay<Answer>(
  relay: RelayHttp,
  path: string,
  body: unknown,
  read: (bytes: Uint8Array) => Answer,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const { signal, relayUrl } = relay;
  signal.throwIfAborted();
  // Covers the body too: a relay that is stuck may stop at any byte.
  const attempt = new AbortController();
  const stop = (): void => attempt.abort(signal.reason);
  const timer = setTimeout(() => attempt.abort(new Error('timeout')), ATTEMPT_TIMEOUT_MS);
  signal.addEventListener('abort', stop, { once: true });
  try {
    const response = await relay.fetch(new URL(path, relayUrl), {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: encodeJson(body) as Uint8Array<ArrayBuffer>,
      // A relay has no business sending a node about its owner's network.
      redirect: 'error',
      signal: attempt.signal,
    });
    const bytes = await readAtMost(response.body, ANSWER_MOST_BYTES);
    if (bytes === undefined) throw new Error(`the answer has more than ${ANSWER_MOST_BYTES} bytes`);
    // A page with status 200 is of a router or another program, and no broken relay.
    if (response.ok && !isPage(response)) return read(bytes);
    throw refusalOf(response.status, bytes, relayUrl);
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof Problem) throw error;
    throw new Problem('relay_unreachable', whyUnreached(relayUrl, error), { cause: error });
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', stop);
  }
}

function refusalOf(status: number, body: Uint8Array, relayUrl: string): Problem {
  try {
    return fromProblemRecord(readRefusal(body));
  } catch {
    return new Problem(
      'relay_unreachable',
      `${relayUrl} answered with status ${status}, not as a Sparewatt relay does. Look at its address and port.`,
    );
  }
}

function isPage({ headers }: Response): boolean {
  return headers.get('content-type')?.startsWith('text/html') === true;
}
