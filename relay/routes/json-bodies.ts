import type { FastifyInstance } from 'fastify';
import { assertSayable } from './assert-sayable.ts';

/**
 * Reads JSON bodies as the framework does, and refuses what no hash covers: a job with half a character in it, or nested
 * without end, would leave neither record nor receipt once a node has done it, and be charged to nobody.
 */
export function readSayableBodies(app: FastifyInstance): void {
  const read = app.getDefaultJsonParser('error', 'error');
  app.removeContentTypeParser('application/json');
  app.addContentTypeParser<string>('application/json', { parseAs: 'string' }, (request, text, done) =>
    read(request, text, (error, body) => done(error ?? faultOf(body), body)),
  );
}

function faultOf(body: unknown): Error | null {
  try {
    assertSayable(body);
    return null;
  } catch (error) {
    return error as Error;
  }
}
