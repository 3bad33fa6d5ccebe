import { fileURLToPath } from 'node:url';
import { filesInFolder } from '../../main/headless/inference/folder-files.ts';
import type { ChatInput } from '../../shared/protocol/messages.ts';
import { type LoadedModel, loadModel } from '../../shared/runtimes/transformers/engine.ts';
import { type Figure, figureOf } from './figure.ts';
import { interleave } from './rounds.ts';

const MODEL = fileURLToPath(new URL('../../shared/models/sparewatt/demo-chat', import.meta.url));
const TOKENS = 200;
const RUNS = 5;
/** The demo model's end token: without it a free answer would be over at once. */
const NEVER_END = { '1': -1_000 };

let schemas = 0;

/** A schema that no answer was made under before, so that nothing is known of it yet. */
export function freshSchema(): unknown {
  const name = `member${schemas++}`;
  const item = {
    type: 'object',
    properties: {
      [name]: { type: 'string', maxLength: 40 },
      count: { type: 'integer', minimum: 0, maximum: 9_999 },
      kind: { enum: ['red', 'green', 'blue'] },
    },
    required: [name, 'count', 'kind'],
    additionalProperties: false,
  };
  return { type: 'array', items: item, minItems: 5 };
}

/** What a token costs when the answer is held to a format, against what it costs without. */
export async function constraints(): Promise<Figure[]> {
  const model = await loadModel(filesInFolder(MODEL), { dtype: 'q8', device: 'cpu', threads: 1 });
  const known = freshSchema();
  const free = { logitBias: NEVER_END };
  const schema = (of: unknown) => ({ format: { type: 'json_schema' as const, schema: of } });
  const figures: Figure[] = [];
  try {
    for (const temperature of [0, 1]) {
      const sides = await interleave(5, {
        freeMs: () => msPerToken(model, () => ({ ...free, temperature })),
        knownSchemaMs: () => msPerToken(model, () => ({ ...schema(known), temperature })),
        freshSchemaMs: () => msPerToken(model, () => ({ ...schema(freshSchema()), temperature })),
      });
      const how = temperature === 0 ? 'greedy' : 'sampled';
      for (const side of ['knownSchemaMs', 'freshSchemaMs'] as const) {
        const name = `constrained-token-${how}-${side === 'knownSchemaMs' ? 'known' : 'fresh'}`;
        figures.push(figureOf(name, sides[side] / sides.freeMs, 'ratio', { atMost: 1.2 }, sides));
      }
    }
  } finally {
    await model.dispose();
  }
  return figures;
}

/** Whole answers to a short prompt: what compiling the schema costs is in it. */
async function msPerToken(model: LoadedModel, wishes: () => Partial<ChatInput>): Promise<number> {
  let totalMs = 0;
  let tokens = 0;
  for (let run = 0; run < RUNS; run++) {
    const messages = [{ role: 'user' as const, content: 'zq xv?' }];
    const base = { messages, maxTokens: TOKENS, temperature: null, topP: null, seed: run, stop: [] };
    const input: ChatInput = { ...base, ...wishes() };
    const startedAt = performance.now();
    const output = { text: () => undefined, toolCall: () => undefined, vectors: () => undefined };
    const { usage } = await model.run({ type: 'llm', model: 'demo', input }, output, () => false);
    totalMs += performance.now() - startedAt;
    tokens += usage.outputTokens;
  }
  return totalMs / tokens;
}
