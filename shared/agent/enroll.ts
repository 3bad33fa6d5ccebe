import { Type } from 'typebox';
import { fromProblemRecord, Problem } from '../problems/problem.ts';
import { encodeJson, messageReader } from '../protocol/codec.ts';
import { EnrollResponse } from '../protocol/enrollment.ts';

export type EnrollOptions = {
  relayUrl: string;
  publicKey: string;
  name: string;
  /** Shown to a relay that does not trust this machine by itself. */
  joinToken?: string;
  fetch: typeof globalThis.fetch;
  signal: AbortSignal;
};

const readResponse = messageReader(EnrollResponse, 'enrolment response');
const readRefusal = messageReader(Type.Object({ code: Type.String(), detail: Type.String() }), 'problem');
const ATTEMPT_TIMEOUT_MS = 10_000;

/** Asks the relay for credentials. Throws `relay_unreachable` (try again) or the relay's own refusal (do not). */
export async function enroll(options: EnrollOptions): Promise<EnrollResponse> {
  const { signal } = options;
  signal.throwIfAborted();
  // Covers the body too: a relay that is stuck may stop at any byte.
  const attempt = new AbortController();
  const stop = (): void => attempt.abort(signal.reason);
  const timer = setTimeout(() => attempt.abort(new Error('timeout')), ATTEMPT_TIMEOUT_MS);
  signal.addEventListener('abort', stop, { once: true });
  try {
    const response = await post(options, attempt.signal);
    const body = new Uint8Array(await response.arrayBuffer());
    if (response.ok) return readResponse(body);
    throw refusalOf(response.status, body, options.relayUrl);
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof Problem) throw error;
    throw new Problem('relay_unreachable', `The relay at ${options.relayUrl} does not answer. Is it running?`, {
      cause: error,
    });
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', stop);
  }
}

async function post(options: EnrollOptions, signal: AbortSignal): Promise<Response> {
  const headers: Record<string, string> = { 'content-type': 'application/json' };
  if (options.joinToken !== undefined) headers.authorization = `Bearer ${options.joinToken}`;
  return await options.fetch(new URL('/v1/nodes/enroll', options.relayUrl), {
    method: 'POST',
    headers,
    body: encodeJson({ publicKey: options.publicKey, name: options.name }) as Uint8Array<ArrayBuffer>,
    signal,
  });
}

function refusalOf(status: number, body: Uint8Array, relayUrl: string): Problem {
  try {
    return fromProblemRecord(readRefusal(body));
  } catch {
    return new Problem(
      'relay_unreachable',
      `${relayUrl} answered with status ${status}, not as a Sparewatt relay does.`,
    );
  }
}
