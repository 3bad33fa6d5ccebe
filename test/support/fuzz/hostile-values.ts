import fc from 'fast-check';

/** Ids that the relay has given are put in where these stand, so that requests reach what is behind them. */
export const KNOWN_ID = /@@([a-z-]+):(\d+)@@/g;

export function knownId(kind: string, pick: number): string {
  return `@@${kind}:${pick}@@`;
}

const LONG = 'x'.repeat(20_000);
/** Made by the parser, which alone gives an object such a member of its own. */
const POLLUTED: unknown = JSON.parse('{"__proto__":{"admin":true},"constructor":{"prototype":{"admin":true}}}');

export const hostileText = fc.oneof(
  { weight: 3, arbitrary: fc.string({ unit: 'binary', maxLength: 40 }) },
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      ...[
        '',
        ' ',
        '\0',
        '\ud800',
        '\udfff\ud800',
        '\u202ereversed',
        '\ufeff',
        '👩‍👩‍👧‍👦',
        'ﷺ',
        'e\u0301'.repeat(500),
        '__proto__',
      ],
      ...[
        'constructor',
        'toString',
        'null',
        'NaN',
        '-1',
        '1e309',
        '0x10',
        '../../etc/passwd',
        '%00',
        '$(id)',
        "' OR 1=1--",
      ],
      ...[
        '<script>',
        '\r\nx-injected: 1',
        'http://169.254.169.254/',
        'file:///etc/passwd',
        'data:,x',
        '*',
        '.',
        '..',
        '//',
      ],
      ...['2026-02-31', '9999999999999999999', '{{7*7}}', '[object Object]', LONG],
    ),
  },
);

export const hostileValue: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 4, arbitrary: hostileText },
  {
    weight: 4,
    arbitrary: fc.constantFrom<unknown>(
      ...[null, true, false, 0, -0, -1, 0.1, 1e308, -1e308, 5e-324, 2 ** 31, 2 ** 53, -(2 ** 63), 1.5],
      ...[
        [],
        {},
        [[]],
        [null],
        [{}],
        POLLUTED,
        new Array(2_000).fill(0),
        new Array(300).fill({ role: 'user', content: '' }),
      ],
      Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`k${index}`, index])),
      nested(200),
    ),
  },
  { weight: 2, arbitrary: fc.jsonValue({ maxDepth: 3 }) },
);

function nested(depth: number): unknown {
  return depth === 0 ? [] : [nested(depth - 1)];
}

/** What stands where a body is expected that no serialiser would write; `text` is one that is right. */
export function hostileBody(text: string): fc.Arbitrary<string | Buffer> {
  const bytes = (...parts: (string | number[])[]): Buffer =>
    Buffer.concat(parts.map((part) => Buffer.from(part as string)));
  return fc.oneof(
    { weight: 4, arbitrary: fc.nat({ max: text.length }).map((end) => text.slice(0, end)) },
    { weight: 2, arbitrary: fc.nat({ max: text.length }).map((at) => `${text.slice(0, at)}\0${text.slice(at)}`) },
    {
      weight: 4,
      arbitrary: fc.constantFrom<string | Buffer>(
        ...[
          '',
          ' ',
          'null',
          '0',
          '"x"',
          '[]',
          '{}',
          '{',
          '}',
          '{"a":1e999}',
          "{'a':1}",
          '{"a":1,}',
          '// x\n{}',
          'NaN',
          '-',
        ],
        ...[`${text}${text}`, `\ufeff${text}`, `${text}x`, text.replace('{', '{"model":"a","model":"test/noop",')],
        text.replace('{', '{"__proto__":{"admin":true},'),
        text.replace('{', '{"constructor":{"prototype":{}},'),
        '['.repeat(50_000),
        `${'{"a":'.repeat(5_000)}1${'}'.repeat(5_000)}`,
        bytes([0xff, 0xfe, 0xc0, 0x80]),
        bytes('{"a":"', [0xc3, 0x28, 0xf8, 0xff], '"}'),
        Buffer.from(text, 'utf16le'),
      ),
    },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 200 }).map((values) => Buffer.from(values)) },
  );
}
