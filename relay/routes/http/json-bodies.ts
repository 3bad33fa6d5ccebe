import { isUtf8 } from 'node:buffer';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Problem } from '../../../shared/problems/problem.ts';
import { assertSayable } from './assert-sayable.ts';

/**
 * Reads JSON bodies as the framework does, and refuses what no hash covers: a job with half a character in it, or nested
 * without end, would leave neither record nor receipt once a node has done it, and be charged to nobody.
 */
export function readSayableBodies(app: FastifyInstance): void {
  const read = app.getDefaultJsonParser('error', 'error');
  app.removeContentTypeParser('application/json');
  app.addContentTypeParser<Buffer>('application/json', { parseAs: 'buffer' }, (request, bytes, done) => {
    if (isUnasked(request, bytes)) return done(null);
    const unread = faultOf(() => assertReadable(request, bytes));
    if (unread !== null) return done(unread);
    const text = bytes.toString('utf8');
    const { beforeChecks } = request.routeOptions.config;
    read(request, text, (error, body) => {
      const fault = error ?? faultOf(() => assertSayable(body));
      if (fault === null) beforeChecks?.(body, text);
      done(fault, body);
    });
  });
}

/** OpenAI's client for Python names this type also where it sends no body. */
function isUnasked({ routeOptions }: FastifyRequest, { length }: Buffer): boolean {
  return length === 0 && routeOptions.schema?.body === undefined;
}

/** Bytes that are no UTF-8 would become other text, silently, and a receipt would cover what nobody has sent. */
function assertReadable({ headers: { 'content-encoding': coding } }: FastifyRequest, bytes: Buffer): void {
  if (coding !== undefined && coding.toLowerCase() !== 'identity') {
    const packed = `The relay reads no bodies that are packed (${coding.slice(0, 64)}). Send it without Content-Encoding.`;
    throw new Problem('unsupported_media_type', packed);
  }
  if (!isUtf8(bytes))
    throw new Problem('invalid_json', 'The body is not UTF-8, which JSON is written in. Send it as that.');
}

function faultOf(check: () => void): Error | null {
  try {
    check();
    return null;
  } catch (error) {
    return error as Error;
  }
}
