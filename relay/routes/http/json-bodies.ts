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
  app.addContentTypeParser<string>('application/json', { parseAs: 'string' }, (request, text, done) => {
    if (isUnasked(request, text)) return done(null);
    const packed = faultOf(() => assertUnpacked(request));
    if (packed !== null) return done(packed);
    read(request, text, (error, body) => done(error ?? faultOf(() => assertSayable(body)), body));
  });
}

/** OpenAI's client for Python names this type also where it sends no body. */
function isUnasked({ routeOptions }: FastifyRequest, text: string): boolean {
  return text === '' && routeOptions.schema?.body === undefined;
}

function assertUnpacked({ headers: { 'content-encoding': coding } }: FastifyRequest): void {
  if (coding === undefined || coding.toLowerCase() === 'identity') return;
  const sentence = `The relay reads no bodies that are packed (${coding.slice(0, 64)}). Send it without Content-Encoding.`;
  throw new Problem('unsupported_media_type', sentence);
}

function faultOf(check: () => void): Error | null {
  try {
    check();
    return null;
  } catch (error) {
    return error as Error;
  }
}
