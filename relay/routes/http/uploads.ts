import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import type { FastifyRequest, FastifySchemaCompiler } from 'fastify';
import { Problem } from '../../../shared/problems/problem.ts';
import type { FileLimits } from '../../files/file-limits.ts';
import type { RelayApp } from '../../services.ts';

/** What is to be read in the place of a request that was signed: its body, compared on the way. */
const checkedBodies = new WeakMap<IncomingMessage, Readable>();

/** Registers routes whose bodies are read as they come, whatever they are, past the limit for JSON. */
export async function registerStreamed(app: RelayApp, register: (scope: RelayApp) => void): Promise<void> {
  await app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', ({ raw }, payload, done) => {
      if (payload !== raw) checkedBodies.set(raw, payload as unknown as Readable);
      done(null);
    });
    register(scope as RelayApp);
  });
}

/** What a file is, is no JSON: its limits are checked while it comes in. */
export function checkAllButBody({ validatorCompiler: compile }: RelayApp): FastifySchemaCompiler<object> {
  if (compile === undefined) throw new Error('the app compiles no schemas yet');
  return (part) => (part.httpPart === 'body' ? () => true : compile(part));
}

/**
 * The body of a request, chunk by chunk. Ends with `request_timeout` when the client sends nothing for `stallMs`, and with
 * `cancelled` when it goes away. Whoever stops before its end refuses the request, and the rest is dropped.
 */
export async function* uploadOf(
  { raw }: Pick<FastifyRequest, 'raw'>,
  { stallMs }: Pick<FileLimits, 'stallMs'>,
): AsyncGenerator<Uint8Array> {
  const body = checkedBodies.get(raw) ?? raw;
  const chunks: AsyncIterator<Uint8Array> = body.iterator({ destroyOnReturn: false });
  try {
    while (true) {
      const { done, value } = await withinMs(stallMs, chunks.next());
      if (done === true) break;
      yield value;
    }
    if (!raw.complete) throw cancelled();
  } catch (error) {
    throw isReset(error) ? cancelled(error) : error;
  }
}

/** Only the client's time counts, not that which the relay takes for what came. */
async function withinMs<T>(stallMs: number, chunk: Promise<T>): Promise<T> {
  const stall = Promise.withResolvers<never>();
  const refuse = (): void =>
    stall.reject(new Problem('request_timeout', `Nothing of the file came for ${stallMs} ms. Send it again.`));
  const timer = setTimeout(refuse, stallMs);
  return await Promise.race([chunk, stall.promise]).finally(() => clearTimeout(timer));
}

function isReset(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ECONNRESET' || code === 'ERR_STREAM_PREMATURE_CLOSE';
}

function cancelled(cause?: unknown): Problem {
  return new Problem('cancelled', 'The client hung up before its file was complete.', { cause });
}
