import fc from 'fast-check';
import { hostileBody, hostileText, hostileValue, knownId } from './hostile-values.ts';
import { kindAt } from './known-ids.ts';
import { nearly } from './mutations.ts';
import { examplesOf, type Media, type Operation } from './operations.ts';
import { valuesOf } from './schema-values.ts';

/** Who sends a request: whoever may, somebody else with a key, or nobody that the relay knows. */
export type Sender = 'right' | 'client' | 'admin' | 'miner' | 'nobody' | 'garbage';
/** How its bytes come. `short` says that it is longer than it is, `cut` breaks off in the middle of its body. */
export type Delivery = 'whole' | 'chunked' | 'cut' | 'short' | 'long' | 'upgrade' | 'impatient';

export type FuzzRequest = {
  operation: Operation;
  method: string;
  target: string;
  sender: Sender;
  headers: [string, string][];
  body: string | Buffer | undefined;
  delivery: Delivery;
};

const METHODS = ['GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'HEAD', 'TRACE', 'PROPFIND', 'QUERY', 'LINK'];
const TYPES = [
  'text/plain',
  'application/json; charset=utf-16',
  'multipart/form-data',
  'multipart/form-data; boundary=',
  '',
];
const MORE_TYPES = [
  'application/x-www-form-urlencoded',
  'application/octet-stream',
  'a/b/c',
  'application/json;;=',
  '*/*',
];
const BOUNDARY = 'fuzz-boundary';

const header: fc.Arbitrary<[string, string]> = fc.oneof(
  fc.tuple(fc.constant('x-request-id'), fc.constantFrom('mine-1', 'x'.repeat(500), 'a b', '../..', '{}')),
  fc.tuple(fc.constant('idempotency-key'), fc.constantFrom('same', 'x'.repeat(300), '', 'ü', 'a b')),
  fc.tuple(fc.constant('traceparent'), fc.constantFrom(`00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`, '00-0-0-0', 'ff')),
  fc.tuple(fc.constant('tracestate'), fc.constantFrom('a=b', ','.repeat(600), '=')),
  fc.tuple(
    fc.constant('range'),
    fc.constantFrom('bytes=0-0', 'bytes=-1', 'bytes=9-1', 'bytes=0-0,2-3', 'x', 'bytes=-'),
  ),
  fc.tuple(fc.constant('last-event-id'), fc.constantFrom('0', '-1', '1e9', 'x', '99999999999999999999')),
  fc.tuple(
    fc.constant('accept'),
    fc.constantFrom('text/event-stream', '*/*;q=2', 'application/json', '', 'x'.repeat(900)),
  ),
  fc.tuple(fc.constant('accept-encoding'), fc.constantFrom('gzip', 'br;q=0', '*', 'zstd, x')),
  fc.tuple(fc.constant('origin'), fc.constantFrom('null', 'https://evil.example', 'http://localhost', '::')),
  fc.tuple(fc.constant('cookie'), fc.constantFrom('sparewatt_session=x', 'a=b; a=c; =', '%', ';'.repeat(800))),
  fc.tuple(fc.constant('if-none-match'), fc.constantFrom('*', '"x"', 'W/', '')),
  fc.tuple(fc.constant('x-forwarded-for'), fc.constantFrom('127.0.0.1', '::1, x', 'x')),
  fc.tuple(fc.constant('expect'), fc.constantFrom('100-continue', 'x')),
  fc.tuple(fc.constant('content-encoding'), fc.constantFrom('gzip', 'identity', 'x')),
  fc.tuple(fc.constant('mcp-protocol-version'), fc.constantFrom('2025-06-18', 'x', '2026-07-28')),
  fc.tuple(fc.constant('x-sparewatt-signature'), fc.constantFrom('v1=00', 'x', '')),
  fc.tuple(fc.stringMatching(/^x-[a-z]{1,20}$/), fc.stringMatching(/^[\x21-\x7e\xa0-\xff]{0,60}$/)),
);

/** Requests to one operation: most may come, many are nearly right, some are nothing that a client would send. */
export function requestsTo(operation: Operation): fc.Arbitrary<FuzzRequest> {
  const { method } = operation;
  return fc
    .record({
      operation: fc.constant(operation),
      method: mostly(fc.constant(method), fc.constantFrom(...METHODS), 12),
      target: targets(operation),
      sender: mostly(
        fc.constant<Sender>('right'),
        fc.constantFrom<Sender>('client', 'admin', 'miner', 'nobody', 'garbage'),
        8,
      ),
      headers: fc.array(header, { maxLength: 2 }),
      sent: bodies(operation),
      type: mostly(fc.constant(undefined), fc.constantFrom(...TYPES, ...MORE_TYPES), 14),
      delivery: mostly(
        fc.constant<Delivery>('whole'),
        fc.constantFrom<Delivery>('chunked', 'cut', 'short', 'long', 'upgrade', 'impatient'),
        9,
      ),
    })
    .map(({ sent, type, headers, ...request }) => {
      const contentType = type ?? sent?.type;
      const typed: [string, string][] = contentType === undefined ? [] : [['content-type', contentType]];
      return { ...request, headers: [...typed, ...headers], body: sent?.body };
    });
}

function mostly<Value>(usual: fc.Arbitrary<Value>, rare: fc.Arbitrary<Value>, weight: number): fc.Arbitrary<Value> {
  return fc.oneof({ weight, arbitrary: usual }, { weight: 1, arbitrary: rare });
}

function targets({ path, parameters }: Operation): fc.Arbitrary<string> {
  const own = fc.nat({ max: 63 }).map((pick) => knownId(kindAt(path), pick));
  const known = fc.oneof(own, fc.constantFrom('llm%2Finference', 'test%2Fnoop', 'fuzz', '1', '*'));
  const broken = fc.constantFrom(
    '%zz',
    '%',
    '..%2f..%2fetc',
    '%00',
    'x'.repeat(300),
    '%ff%fe',
    '__proto__',
    'ü',
    ' ',
    '?',
    '#',
  );
  const encoded = hostileText.map((text) => encodeURIComponent(text.toWellFormed().slice(0, 2_000)));
  const filled = fc.oneof(
    { weight: 5, arbitrary: known },
    { weight: 1, arbitrary: broken },
    { weight: 1, arbitrary: encoded },
  );
  const names = path.split('/').filter((part) => part.startsWith('{'));
  const queries = parameters.filter((parameter) => parameter.in === 'query');
  return fc
    .tuple(fc.array(filled, { minLength: names.length, maxLength: names.length }), query(queries))
    .map(([values, tail]) => {
      let next = 0;
      const address = path.replace(/\{[^}]+\}/g, () => values[next++] ?? '');
      return tail === '' ? address : `${address}?${tail}`;
    });
}

function query(parameters: Operation['parameters']): fc.Arbitrary<string> {
  const strange = fc.constantFrom(
    '__proto__=1',
    'a[]=1&a[]=2',
    '&&&',
    '=',
    'limit=1&limit=2',
    '%zz=1',
    `q=${'x'.repeat(3_000)}`,
    'key=x',
  );
  if (parameters.length === 0) return mostly(fc.constant(''), strange, 15);
  const pair = fc
    .constantFrom(...parameters)
    .chain(({ name, schema }) =>
      fc
        .oneof(valuesOf(schema, name), hostileText, fc.constantFrom('1', '0', '100', '1001', knownId('jobs', 0)))
        .map((value) => `${encodeURIComponent(name)}=${encodeURIComponent(String(value).toWellFormed())}`),
    );
  return mostly(
    fc.array(pair, { maxLength: 3 }).map((pairs) => pairs.join('&')),
    strange,
    10,
  );
}

type Sent = { type: string; body: string | Buffer };

function bodies({ bodies: told, method }: Operation): fc.Arbitrary<Sent | undefined> {
  const forms = Object.entries(told).map(([type, media]) => bodyOf(type, media));
  if (forms.length > 0) return mostly(fc.oneof(...forms), fc.constant(undefined), 30);
  const uncalled = fc
    .constantFrom('', '{}', 'null', '{"a":1}', 'x')
    .map((body) => ({ type: 'application/json', body }));
  return method === 'GET' ? mostly(fc.constant(undefined), uncalled, 20) : mostly(fc.constant(undefined), uncalled, 4);
}

function bodyOf(type: string, media: Media): fc.Arbitrary<Sent> {
  if (type.startsWith('multipart/')) return form(media);
  if (type !== 'application/json') {
    const bytes = fc.uint8Array({ maxLength: 2_000 }).map((values) => Buffer.from(values));
    return bytes.map((body) => ({ type, body }));
  }
  const examples = examplesOf(media);
  const byExample = examples.length === 0 ? fc.constant<unknown>({}) : fc.constantFrom(...examples);
  const bySchema = valuesOf(media.schema ?? {});
  const values = fc.oneof(
    { weight: 3, arbitrary: byExample },
    { weight: 4, arbitrary: nearly(byExample) },
    { weight: 4, arbitrary: bySchema },
    { weight: 2, arbitrary: nearly(bySchema) },
    { weight: 1, arbitrary: hostileValue },
  );
  const texts = values.map((value) => JSON.stringify(value));
  const raw = fc
    .constantFrom(...(examples.length === 0 ? [{}] : examples))
    .chain((value) => hostileBody(JSON.stringify(value)));
  return mostly<string | Buffer>(texts, raw, 8).map((body) => ({ type, body }));
}

/** Forms with parts that are there twice, nameless, broken or never closed. */
function form({ schema = {} }: Media): fc.Arbitrary<Sent> {
  const names = [...Object.keys(schema.properties ?? {}), '__proto__', '', 'other'];
  const content = fc.oneof(hostileText, fc.constantFrom('test/stt', 'json', 'RIFF', '1', 'user_data'));
  const disposition = fc.constantFrom(
    '; filename="a.wav"',
    '; filename="../../x"',
    "; filename*=UTF-8''%zz",
    '',
    '; filename=""',
  );
  const part = fc
    .tuple(fc.constantFrom(...names), disposition, content)
    .map(
      ([name, file, text]) =>
        `--${BOUNDARY}\r\nContent-Disposition: form-data; name="${name}"${file}\r\n\r\n${text}\r\n`,
    );
  const end = fc.constantFrom(
    `--${BOUNDARY}--\r\n`,
    `--${BOUNDARY}--\r\n`,
    `--${BOUNDARY}--\r\n`,
    '',
    `--${BOUNDARY}`,
    'x',
  );
  const whole = fc.tuple(fc.array(part, { maxLength: 4 }), end).map(([parts, last]) => parts.join('') + last);
  return whole.map((body) => ({ type: `multipart/form-data; boundary=${BOUNDARY}`, body }));
}
