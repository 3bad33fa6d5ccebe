import { Type } from 'typebox';
import { defineServices, MODEL, MODELS, OneOf, Optional, SAMPLING, Text, Whole } from './define.ts';

const Code = Text('The code', 100_000);
const Language = Optional(Type.String({ minLength: 1, maxLength: 32, default: 'its own language' }));

export const DEVELOPMENT = defineServices('development', [
  {
    id: 'dev/explain-code',
    title: 'Explanation of code',
    description: 'Says what a piece of code does, and how.',
    input: { ...SAMPLING, code: Code, language: Language },
    runtime: {
      type: 'llm',
      prompt: {
        system: 'You explain code to developers, briefly and exactly.',
        user: 'Explain this code in {language}.\n\n{code}',
      },
    },
    default_model: MODELS.chat,
    price_unit: 'token',
    examples: [{ input: { code: 'const double = (n) => n * 2;', language: 'JavaScript' } }],
  },
  {
    id: 'dev/review-code',
    title: 'Review of a change',
    description: 'Lists what a reviewer would say about a change, as data.',
    input: { ...SAMPLING, diff: Text('The change as a unified diff', 100_000) },
    output: {
      findings: Type.Array(
        Type.Object({ severity: Type.Enum(['note', 'warning', 'error']), remark: Type.String({ maxLength: 400 }) }),
        { maxItems: 20 },
      ),
    },
    runtime: {
      type: 'llm',
      answer: 'json',
      prompt: { user: 'Review this change. List only what must be said.\n\n{diff}' },
    },
    default_model: MODELS.chat,
    price_unit: 'token',
    examples: [{ input: { diff: '-if (a = b)\n+if (a === b)' }, output: { findings: [] } }],
  },
  {
    id: 'dev/generate-tests',
    title: 'Tests for code',
    description: 'Writes unit tests for a piece of code.',
    input: {
      ...SAMPLING,
      code: Code,
      framework: Optional(Type.String({ minLength: 1, maxLength: 32, default: 'the usual framework' })),
    },
    runtime: {
      type: 'llm',
      prompt: {
        system: 'You answer with code alone.',
        user: 'Write unit tests with {framework} for this code.\n\n{code}',
      },
    },
    default_model: MODELS.chat,
    price_unit: 'token',
    examples: [{ input: { code: 'export const double = (n) => n * 2;', framework: 'node:test' } }],
  },
  {
    id: 'dev/commit-message',
    title: 'Message for a commit',
    description: 'Writes the message of a commit from its changes.',
    input: { ...SAMPLING, diff: Text('The change as a unified diff', 100_000) },
    runtime: {
      type: 'llm',
      prompt: { user: 'Write a commit message of one line, as "type(scope): summary", for this change.\n\n{diff}' },
    },
    default_model: MODELS.chat,
    price_unit: 'token',
    examples: [
      {
        input: { diff: '-timeout: 1\n+timeout: 5' },
        output: { text: 'fix(config): wait five seconds', finish_reason: 'stop' },
      },
    ],
  },
  {
    id: 'dev/search-code',
    title: 'Search of code by meaning',
    description: 'Orders pieces of code by how near they are to a description.',
    input: {
      ...MODEL,
      query: Text('What it should do', 20_000),
      documents: Type.Array(Text('A piece of code', 50_000), { minItems: 1, maxItems: 2_000 }),
      top: Optional(Whole(1, 2_000, 'How many are told; all when absent')),
    },
    runtime: { type: 'embed', answer: 'ranking' },
    default_model: MODELS.embed,
    price_unit: 'token',
    examples: [{ input: { query: 'doubles a number', documents: ['n => n * 2', 's => s.trim()'], top: 1 } }],
  },
  {
    id: 'dev/run-tests',
    title: 'Tests of a repository',
    description: 'Runs the tests of a repository away from everything else.',
    input: {
      repository: Type.String({ format: 'uri', maxLength: 2_048 }),
      commit: Optional(Type.String({ pattern: '^[0-9a-f]{7,40}$' })),
      image: Text('Container image to run in', 256),
      command: Type.Array(Type.String({ minLength: 1 }), { minItems: 1, maxItems: 64 }),
      timeout_s: Optional(Type.Integer({ minimum: 1, maximum: 3_600, default: 600 })),
    },
    output: { exit_code: Type.Integer(), log: Type.String() },
    runtime: { type: 'container' },
    requirements: { memory_bytes: 2 * 2 ** 30, note: 'A container runtime that needs no root.' },
    price_unit: 'cpu_second',
    examples: [{ input: { repository: 'https://git.example/app.git', image: 'node:24', command: ['npm', 'test'] } }],
  },
  {
    id: 'dev/build-image',
    title: 'Container image of a repository',
    description: 'Builds a container image and pushes it nowhere: it comes back as a file.',
    input: {
      repository: Type.String({ format: 'uri', maxLength: 2_048 }),
      platform: OneOf(['linux/amd64', 'linux/arm64'], 'Machine it is for'),
    },
    output: { image: Type.String({ contentEncoding: 'base64' }), digest: Type.String() },
    runtime: { type: 'container-build' },
    requirements: { memory_bytes: 4 * 2 ** 30 },
    price_unit: 'cpu_second',
    examples: [{ input: { repository: 'https://git.example/app.git', platform: 'linux/arm64' } }],
  },
]);
