import { Readable } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { FastifyReply } from 'fastify';
import { holdAnswer } from '../../access/held-bytes.ts';
import { shareNext } from '../../share-next.ts';
import { jsonStream } from './json-pieces.ts';
import { cutIfSlow } from './unread.ts';

/** A large object as JSON, for any number of readers. */
export type JsonBody = { readonly pieces: readonly Buffer[]; readonly sizeBytes: number };

/** One who asks in a loop has a quarter of a processor at most. */
const REST = 3;

/**
 * Makes and writes down a large object once for all who ask meanwhile: each of many that are written at a time takes its
 * part of every turn of the event loop, and all of them together as long as they are many.
 */
export function shareJson(make: () => Promise<Readonly<Record<string, unknown>>>): () => Promise<JsonBody> {
  return shareNext(async () => writeJson(await make()), REST);
}

/** In turns of milliseconds. */
export async function writeJson(value: Readonly<Record<string, unknown>>): Promise<JsonBody> {
  const pieces: Buffer[] = [];
  for await (const piece of jsonStream(value)) pieces.push(Buffer.from(piece as Buffer | string));
  return { pieces, sizeBytes: pieces.reduce((sum, { length }) => sum + length, 0) };
}

/** Errors: `queue_full` while the key of the request reads too many large answers. */
export function sendBody(to: unknown, body: JsonBody): FastifyReply {
  const reply = to as FastifyReply;
  const { pieces, sizeBytes } = body;
  holdAnswer(reply, sizeBytes, body);
  cutIfSlow(reply, sizeBytes);
  reply.type('application/json; charset=utf-8').header('content-length', sizeBytes);
  return reply.send(pieces.length === 1 ? pieces[0] : Readable.from(pacedPieces(pieces), { objectMode: false }));
}

/** A reader that keeps up would be given all of it in one turn. */
async function* pacedPieces(pieces: readonly Buffer[]): AsyncGenerator<Buffer> {
  for (const piece of pieces) {
    yield piece;
    await nextTurn();
  }
}

/** Runs what is dear one after the other, each in a turn of the event loop of its own, whoever asks. */
export function createTurns(): <Value>(work: () => Value | Promise<Value>) => Promise<Value> {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const done = last.then(() => nextTurn()).then(work);
    last = done.catch(() => undefined);
    return done;
  };
}
