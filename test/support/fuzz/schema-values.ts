import fc from 'fast-check';
import { hostileText, hostileValue, knownId } from './hostile-values.ts';
import type { Schema } from './operations.ts';

/** Deep enough for every schema of the relay; those that refer to themselves end here. */
const DEEPEST = 6;
const FEW = 3;

/** What stands under a name so that a request gets past the first look. */
const NAMED: Record<string, readonly unknown[]> = {
  model: [
    'test/noop',
    'test/echo',
    'test/vectors',
    'test/stt',
    'test/tts',
    'test/task',
    'toy/parrot',
    'test/failing',
    'test/breaking',
    'none',
  ],
  service: [
    'llm/inference',
    'embed/text',
    'whisper/transcribe',
    'ffmpeg/transcode',
    'stable-diffusion/generate',
    'none/none',
  ],
  role: ['user', 'system', 'assistant', 'tool'],
  url: ['http://127.0.0.1:9/', 'http://localhost/', 'https://relay.example/', 'http://[::1]:1/', 'ftp://x/'],
  job: [knownId('jobs', 0), knownId('jobs', 1)],
  key: [knownId('keys', 0), knownId('keys', 1)],
  file: [knownId('files', 0), knownId('files', 1)],
  node: ['none', 'fuzz'],
  priority: [0, 1, -1],
  waitMs: [0, 1, 10],
  max_wait_ms: [1, 10],
  max_tokens: [1, 2, 16],
  partial: [true, false],
  attempt: [1, 2],
  epoch: [1, 2, 3],
  paused: [false],
};

/** Values that fit a schema, or nearly: lengths and formats that it does not tell are anything. */
export function valuesOf(schema: Schema, name = '', depth = 0): fc.Arbitrary<unknown> {
  const fitting = byForm(schema, name, depth);
  const known = NAMED[name];
  return known === undefined || schema.enum !== undefined
    ? fitting
    : fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...known) }, { weight: 1, arbitrary: fitting });
}

function byForm(schema: Schema, name: string, depth: number): fc.Arbitrary<unknown> {
  if (depth > DEEPEST) return fc.constant(null);
  if (schema.const !== undefined) return fc.constant(schema.const);
  if (schema.enum !== undefined && schema.enum.length > 0) return fc.constantFrom(...schema.enum);
  if (schema.anyOf !== undefined) return fc.oneof(...schema.anyOf.map((branch) => valuesOf(branch, name, depth + 1)));
  const [type] = [schema.type].flat();
  switch (type) {
    case 'object':
      return objects(schema, depth);
    case 'array': {
      const { minItems = 0, maxItems = FEW } = schema;
      const size = { minLength: Math.min(minItems, FEW), maxLength: Math.max(1, Math.min(maxItems, FEW)) };
      return fc.array(valuesOf(schema.items ?? {}, name, depth + 1), size);
    }
    case 'string':
      return texts(schema);
    case 'integer':
      return fc.oneof(fc.integer(between(schema, 2 ** 31 - 1)), fc.constantFrom(...edges(schema)));
    case 'number':
      return fc.oneof(fc.double({ ...between(schema, 1e9), noNaN: true }), fc.constantFrom(...edges(schema)));
    case 'boolean':
      return fc.boolean();
    case 'null':
      return fc.constant(null);
    default:
      return fc.oneof(
        fc.constantFrom<unknown>('hello', { prompt: 'x' }, { messages: [{ role: 'user', content: 'x' }] }),
        hostileValue,
      );
  }
}

function objects({ properties = {}, required = [] }: Schema, depth: number): fc.Arbitrary<unknown> {
  const members = Object.fromEntries(
    Object.entries(properties).map(([key, inner]) => [key, valuesOf(inner, key, depth + 1)]),
  );
  const requiredKeys = required.filter((key) => key in members);
  // Whole records of a large schema hardly ever pass: most leave most of what is optional out.
  const optional = Object.keys(members).filter((key) => !requiredKeys.includes(key));
  return fc.subarray(optional, { maxLength: Math.min(optional.length, FEW) }).chain((chosen) => {
    const keys = [...requiredKeys, ...chosen];
    return fc.record(Object.fromEntries(keys.map((key) => [key, members[key] ?? hostileValue])));
  });
}

function texts({ pattern, minLength = 0, maxLength = 40 }: Schema): fc.Arbitrary<string> {
  const usual = fc.string({
    minLength: Math.min(minLength, 200),
    maxLength: Math.max(minLength, Math.min(maxLength, 40)),
  });
  const edge = fc.constantFrom('x'.repeat(Math.min(maxLength, 10_000)), 'x'.repeat(Math.min(maxLength, 10_000) + 1));
  return fc.oneof(
    { weight: 6, arbitrary: pattern === undefined ? usual : matching(pattern, usual) },
    { weight: 1, arbitrary: edge },
    { weight: 1, arbitrary: hostileText },
  );
}

function matching(pattern: string, otherwise: fc.Arbitrary<string>): fc.Arbitrary<string> {
  try {
    return fc.stringMatching(new RegExp(pattern));
  } catch {
    return otherwise;
  }
}

function between({ minimum, maximum }: Schema, most: number): { min: number; max: number } {
  const min = Math.max(minimum ?? -most, -most);
  return { min, max: Math.max(min, Math.min(maximum ?? most, most)) };
}

function edges({ minimum = 0, maximum = 2 ** 53 - 1 }: Schema): number[] {
  return [minimum, minimum - 1, maximum, maximum + 1];
}
