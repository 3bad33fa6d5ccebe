import type { IncomingMessage } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Problem } from '../../shared/problems/problem.ts';
import type { FileLimits } from '../files/file-limits.ts';
import type { RelayApp } from '../services.ts';

/** Registers routes whose bodies are read as they come, whatever they are, past the limit for JSON. */
export async function registerStreamed(app: RelayApp, register: (scope: RelayApp) => void): Promise<void> {
  await app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', (_request, _payload, done) => done(null));
    register(scope as RelayApp);
  });
}

/** How long a client may go on sending what was refused, so that it comes to read why. */
const REFUSED_MS = 5_000;

/**
 * The body of a request, chunk by chunk. Ends with `request_timeout` when nothing comes for `stallMs`, and with
 * `cancelled` when its client goes away.
 */
export function uploadOf(
  { raw }: FastifyRequest,
  { raw: answer }: Pick<FastifyReply, 'raw'>,
  limits: FileLimits,
): AsyncIterable<Uint8Array> {
  answer.once('finish', () => {
    if (raw.complete || raw.destroyed) return;
    const timer = setTimeout(() => raw.destroy(), REFUSED_MS).unref();
    raw.once('close', () => clearTimeout(timer)).resume();
  });
  return chunksOf(raw, limits);
}

async function* chunksOf(raw: IncomingMessage, { stallMs }: FileLimits): AsyncGenerator<Uint8Array> {
  let stalled = false;
  const timer = setTimeout(() => {
    stalled = true;
    raw.destroy();
  }, stallMs);
  try {
    for await (const chunk of raw.iterator({ destroyOnReturn: false })) {
      timer.refresh();
      yield chunk as Uint8Array;
      timer.refresh();
    }
    if (!raw.complete) throw cancelled();
  } catch (error) {
    if (stalled) throw new Problem('request_timeout', `Nothing of the file came for ${stallMs} ms. Send it again.`);
    throw isReset(error) ? cancelled(error) : error;
  } finally {
    clearTimeout(timer);
  }
}

function isReset(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ECONNRESET' || code === 'ERR_STREAM_PREMATURE_CLOSE';
}

function cancelled(cause?: unknown): Problem {
  return new Problem('cancelled', 'The client hung up before its file was complete.', { cause });
}
