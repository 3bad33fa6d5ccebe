import { Readable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import type { FastifyReply } from 'fastify';
import { cutIfStalled } from './unread.ts';

const PIECE_CHARACTERS = 64 * 1024;
/** Members of an array or an object that are written before others get their turn: documents are some kilobytes each. */
const MEMBERS_PER_PIECE = 100;

/**
 * A large object as a stream of JSON, so that writing it never holds up the relay for long. A member that can be walked
 * through becomes an array whose items are made when their turn comes.
 */
export function jsonStream(value: Readonly<Record<string, unknown>>): Readable {
  return Readable.from(paced(pieces(value)), { objectMode: false, highWaterMark: PIECE_CHARACTERS });
}

/** A reader that keeps up asks for the next piece in the same turn: without a pause nobody else would get one. */
async function* paced(texts: Iterable<string>): AsyncGenerator<string> {
  let piece = '';
  for (const text of texts) {
    piece += text;
    if (piece.length < PIECE_CHARACTERS) continue;
    yield piece;
    piece = '';
    await setImmediate();
  }
  if (piece !== '') yield piece;
}

/** Sends a large object that was built here and needs no schema to be serialised. */
export function sendPieces(reply: unknown, value: Readonly<Record<string, unknown>>): FastifyReply {
  const to = reply as FastifyReply;
  cutIfStalled(to);
  return to.type('application/json; charset=utf-8').send(jsonStream(value));
}

function* pieces(value: Readonly<Record<string, unknown>>): Generator<string> {
  yield* list('{', Object.entries(value), '}', function* ([name, member]) {
    yield `${JSON.stringify(name)}:`;
    if (isIterable(member)) yield* chunked('[', member, ']', (item) => JSON.stringify(item));
    else if (isObject(member)) yield* chunked('{', Object.entries(member), '}', entryText);
    else yield JSON.stringify(member);
  });
}

function* list<Item>(open: string, items: Item[], close: string, write: (item: Item) => Generator<string>) {
  yield open;
  for (const [index, item] of items.entries()) {
    if (index > 0) yield ',';
    yield* write(item);
  }
  yield close;
}

function* chunked<Item>(
  open: string,
  items: Iterable<Item>,
  close: string,
  text: (item: Item) => string,
): Generator<string> {
  yield open;
  let piece: string[] = [];
  let separator = '';
  for (const item of items) {
    if (piece.push(text(item)) < MEMBERS_PER_PIECE) continue;
    yield separator + piece.join(',');
    separator = ',';
    piece = [];
  }
  if (piece.length > 0) yield separator + piece.join(',');
  yield close;
}

function entryText([name, member]: [string, unknown]): string {
  return `${JSON.stringify(name)}:${JSON.stringify(member)}`;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function isIterable(value: unknown): value is Iterable<unknown> {
  return isObject(value) && Symbol.iterator in value;
}
