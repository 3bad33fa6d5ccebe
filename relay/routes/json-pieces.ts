import { Readable } from 'node:stream';

/** Members of an array or an object that are written before others get their turn. */
const MEMBERS_PER_PIECE = 200;

/** A large object as a stream of JSON, so that writing it never holds up the relay for long. */
export function jsonStream(value: Readonly<Record<string, unknown>>): Readable {
  return Readable.from(pieces(value), { objectMode: false, highWaterMark: 64 * 1024 });
}

function* pieces(value: Readonly<Record<string, unknown>>): Generator<string> {
  yield* list('{', Object.entries(value), '}', function* ([name, member]) {
    yield `${JSON.stringify(name)}:`;
    if (Array.isArray(member)) yield* chunked('[', member, ']', (item) => JSON.stringify(item));
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

function* chunked<Item>(open: string, items: Item[], close: string, text: (item: Item) => string): Generator<string> {
  yield open;
  for (let at = 0; at < items.length; at += MEMBERS_PER_PIECE) {
    const piece = items
      .slice(at, at + MEMBERS_PER_PIECE)
      .map(text)
      .join(',');
    yield at === 0 ? piece : `,${piece}`;
  }
  yield close;
}

function entryText([name, member]: [string, unknown]): string {
  return `${JSON.stringify(name)}:${JSON.stringify(member)}`;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
