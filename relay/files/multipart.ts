import { Problem } from '../../shared/problems/problem.ts';

/** One part of a form. Its body must be read, or is skipped, before the next part comes. */
export type Part = {
  readonly name: string;
  readonly filename: string | undefined;
  readonly mediaType: string | undefined;
  readonly body: AsyncIterable<Uint8Array>;
};

const HEADER_MOST_BYTES = 8 * 1024;
const PARTS_MOST = 32;
/** Nothing but a line end is there to be sent. */
const EPILOGUE_MOST_BYTES = 64 * 1024;
const LINE_END = '\r\n';
const HEADER_END = '\r\n\r\n';

/** The boundary that a `content-type` names. Errors: `invalid_value`. */
export function boundaryOf(contentType: string): string {
  const [, quoted, plain] = /;\s*boundary=(?:"([^"]{1,70})"|([^\s;"]{1,70}))/i.exec(contentType) ?? [];
  const boundary = quoted ?? plain;
  if (boundary === undefined) throw broken('its Content-Type names no boundary');
  return boundary;
}

/** Reads `multipart/form-data` (RFC 7578) as it comes, holding no more of it than one chunk. Errors: `invalid_value`. */
export async function* readMultipart(source: AsyncIterable<Uint8Array>, boundary: string): AsyncGenerator<Part> {
  const chunks = source[Symbol.asyncIterator]();
  const delimiter = Buffer.from(`${LINE_END}--${boundary}`);
  // The first delimiter has no line before it.
  let held: Buffer = Buffer.from(LINE_END);
  const more = async (): Promise<boolean> => {
    const { done, value } = await chunks.next();
    if (done === true) return false;
    held = held.length === 0 ? Buffer.from(value.buffer, value.byteOffset, value.length) : Buffer.concat([held, value]);
    return true;
  };
  const hold = async (bytes: number): Promise<void> => {
    while (held.length < bytes) if (!(await more())) throw broken('it ends too early');
  };
  let isInside = true;
  async function* untilDelimiter(): AsyncGenerator<Uint8Array> {
    while (true) {
      const at = held.indexOf(delimiter);
      const safe = at === -1 ? held.length - delimiter.length + 1 : at;
      const body = held.subarray(0, Math.max(0, safe));
      held = held.subarray(body.length + (at === -1 ? 0 : delimiter.length));
      isInside = at === -1;
      if (body.length > 0) yield body;
      if (at !== -1) return;
      if (!(await more())) throw broken('it ends too early');
    }
  }
  const readHeader = async (): Promise<string> => {
    let at = held.indexOf(HEADER_END);
    while (at === -1 && held.length <= HEADER_MOST_BYTES) {
      await hold(held.length + 1);
      at = held.indexOf(HEADER_END);
    }
    if (at === -1 || at > HEADER_MOST_BYTES) throw broken('a part has a header that is too long');
    const header = held.subarray(0, at).toString('utf8');
    held = held.subarray(at + HEADER_END.length);
    return header;
  };

  const skipEpilogue = async (): Promise<void> => {
    while (await more()) if (held.length > EPILOGUE_MOST_BYTES) throw broken('too much follows its last boundary');
  };

  await skip(untilDelimiter());
  for (let parts = 0; parts <= PARTS_MOST; parts++) {
    await hold(2);
    const mark = held.subarray(0, 2).toString('latin1');
    if (mark === '--') {
      await skipEpilogue();
      return;
    }
    if (mark !== LINE_END) throw broken('a boundary is not followed by a line');
    const header = await readHeader();
    isInside = true;
    yield { ...readNames(header), body: untilDelimiter() };
    if (isInside) await skip(untilDelimiter());
  }
  throw broken(`it has more than ${PARTS_MOST} parts`);
}

function readNames(header: string): Omit<Part, 'body'> {
  const disposition = /^content-disposition:\s*form-data\s*;(.*)$/im.exec(header)?.[1] ?? '';
  const name = /(?:^|[;\s])name="([^"]*)"/i.exec(disposition)?.[1];
  if (name === undefined) throw broken('a part has no name');
  const filename = /(?:^|[;\s])filename="((?:[^"\\]|\\.)*)"/i.exec(disposition)?.[1];
  const mediaType = /^content-type:\s*(\S[^\r\n]*)$/im.exec(header)?.[1];
  return { name, filename: filename === undefined ? undefined : unescaped(filename), mediaType };
}

/** What the form encoding of browsers and of Node writes for these three, and older clients for the quote. */
function unescaped(text: string): string {
  return text
    .replace(/%22|\\"/g, '"')
    .replaceAll('%0D', '\r')
    .replaceAll('%0A', '\n');
}

async function skip(body: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const _ of body);
}

function broken(why: string): Problem {
  return new Problem('invalid_value', `The form is not valid multipart/form-data: ${why}.`);
}
