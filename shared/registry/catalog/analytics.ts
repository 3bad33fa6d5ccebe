import { Type } from 'typebox';
import { defineServices, MODEL, MODELS, Optional, SAMPLING, Text, Whole } from './define.ts';

const Names = Type.Array(Type.String({ maxLength: 100 }), { maxItems: 50 });

export const ANALYTICS = defineServices('analytics', [
  {
    id: 'analytics/classify-text',
    title: 'Class of a text',
    description: 'Puts a text under one of your labels. The answer is always one of them.',
    input: {
      ...SAMPLING,
      text: Text('The text', 50_000),
      labels: Type.Array(Type.String({ minLength: 1, maxLength: 100 }), {
        minItems: 2,
        maxItems: 100,
        uniqueItems: true,
      }),
    },
    runtime: {
      type: 'llm',
      answer: { choice: 'labels' },
      prompt: { user: 'Which of these labels fits the text best: {labels}?\n\n{text}' },
    },
    default_model: MODELS.chat,
    price_unit: 'token',
    examples: [
      { input: { text: 'My parcel has not come.', labels: ['billing', 'delivery'] }, output: { choice: 'delivery' } },
    ],
  },
  {
    id: 'analytics/sentiment',
    title: 'Sentiment of a text',
    description: 'Says whether a text is positive, neutral or negative.',
    input: { ...SAMPLING, text: Text('The text', 50_000) },
    output: { sentiment: Type.Enum(['positive', 'neutral', 'negative']) },
    runtime: { type: 'llm', answer: 'json', prompt: { user: 'What is the sentiment of this text?\n\n{text}' } },
    default_model: MODELS.chat,
    price_unit: 'token',
    examples: [{ input: { text: 'It works, and fast.' }, output: { sentiment: 'positive' } }],
  },
  {
    id: 'analytics/extract-entities',
    title: 'Names in a text',
    description: 'Lists the people, places and organisations that a text names.',
    input: { ...SAMPLING, text: Text('The text', 50_000) },
    output: { people: Names, places: Names, organisations: Names },
    runtime: {
      type: 'llm',
      answer: 'json',
      prompt: { user: 'List the people, the places and the organisations that this text names.\n\n{text}' },
    },
    default_model: MODELS.chat,
    price_unit: 'token',
    examples: [
      {
        input: { text: 'Ada Lovelace lived in London.' },
        output: { people: ['Ada Lovelace'], places: ['London'], organisations: [] },
      },
    ],
  },
  {
    id: 'analytics/semantic-rank',
    title: 'Documents by nearness to a question',
    description: 'Orders documents by how near their meaning is to that of a question.',
    input: {
      ...MODEL,
      query: Text('The question', 20_000),
      documents: Type.Array(Text('A document', 50_000), { minItems: 1, maxItems: 2_000 }),
      top: Optional(Whole(1, 2_000, 'How many are told; all when absent')),
    },
    runtime: { type: 'embed', answer: 'ranking' },
    default_model: MODELS.embed,
    price_unit: 'token',
    examples: [
      {
        input: { query: 'idle GPU', documents: ['a spare graphics card', 'a red apple'], top: 1 },
        output: { results: [{ index: 0, score: 0.71 }] },
      },
    ],
  },
  {
    id: 'analytics/forecast',
    title: 'Forecast of a series',
    description: 'Continues a series of numbers, with the bounds in which most of the truth will lie.',
    input: {
      values: Type.Array(Type.Number(), { minItems: 8, maxItems: 100_000 }),
      horizon: Whole(1, 1_000, 'How many values ahead'),
      season: Optional(Whole(2, 10_000, 'Values in one season')),
    },
    output: { forecast: Type.Array(Type.Number()), lower: Type.Array(Type.Number()), upper: Type.Array(Type.Number()) },
    runtime: { type: 'time-series' },
    price_unit: 'cpu_second',
    examples: [{ input: { values: [1, 2, 3, 4, 1, 2, 3, 4], horizon: 4, season: 4 } }],
  },
  {
    id: 'analytics/sql-query',
    title: 'SQL over files',
    description: 'Runs one SQL query over CSV and Parquet files.',
    input: {
      query: Text('The query', 20_000),
      tables: Type.Record(Type.String({ pattern: '^[a-z_][a-z0-9_]{0,62}$' }), Type.String({ format: 'uri' }), {
        description: 'Where each table is fetched',
        minProperties: 1,
        maxProperties: 64,
      }),
    },
    output: { columns: Type.Array(Type.String()), rows: Type.Array(Type.Array(Type.Unknown())) },
    runtime: { type: 'duckdb' },
    requirements: { memory_bytes: 4 * 2 ** 30 },
    price_unit: 'cpu_second',
    examples: [
      { input: { query: 'SELECT count(*) FROM jobs', tables: { jobs: 'https://files.example/jobs.parquet' } } },
    ],
  },
]);
