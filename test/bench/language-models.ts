import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { filesInFolder } from '../../main/headless/inference/folder-files.ts';
import { createWorkerRuntime } from '../../main/headless/inference/worker-runtime.ts';
import type { ChatMessage } from '../../shared/protocol/messages.ts';
import type { Runtime } from '../../shared/runtimes/runtime.ts';
import { type LoadedModel, loadModel } from '../../shared/runtimes/transformers/engine.ts';
import type { SessionTensor } from '../../shared/runtimes/transformers/session.ts';
import { byteTokenId } from '../support/models/bigram-model.ts';
import { type LlamaDtype, type LlamaSize, writeLlamaModel } from '../support/models/llama-model.ts';
import { openRawSession } from '../support/models/raw-session.ts';
import { type Figure, figureOf } from './figure.ts';
import { interleave } from './rounds.ts';

/** 24 million weights. */
export const SIZE: LlamaSize = {
  layers: 6,
  hidden: 512,
  heads: 8,
  inner: 1_376,
  vocabulary: 4_096,
  contextLength: 4_096,
};
const PROMPT = 'Tell me what you know.';
const TOKENS = 128;
const ROUNDS = 5;
const RATE_ROUNDS = 9;
/** Random weights say random bytes, of which some would be held back: with this, each token is a letter at once. */
const ALWAYS_A = { [byteTokenId('a'.charCodeAt(0))]: 1_000 };

/** How the engine compares with bare ONNX Runtime, two chats with one, and a second turn with the first. */
export async function languageModels(): Promise<Figure[]> {
  const root = mkdtempSync(join(tmpdir(), 'sparewatt-bench-llm-'));
  const figures: Figure[] = [];
  try {
    for (const dtype of ['fp32', 'q8'] as const) {
      figures.push(...(await figuresOf(root, dtype)), await figureOfFused(root, dtype));
    }
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
  return figures;
}

async function figuresOf(root: string, dtype: LlamaDtype): Promise<Figure[]> {
  const id = `bench/${dtype}`;
  const folder = await writeLlamaModel(root, id, { dtype, size: SIZE });
  const model = await loadModel(filesInFolder(folder), { dtype, device: 'cpu', threads: 1 });
  const raw = await openRawSession(join(folder, `onnx/model${dtype === 'q8' ? '_quantized' : ''}.onnx`));
  try {
    const cost = await interleave(ROUNDS, { engineMs: () => msPerToken(model), rawMs: () => rawMsPerToken(raw) });
    const rates = await ratesOfNode(root, id, dtype);
    const turns = await interleave(ROUNDS, await turnsOf(model));
    const about = { dtype, weights: '24 M' };
    return [
      figureOf(`token-to-raw-${dtype}`, cost.engineMs / cost.rawMs, 'ratio', { atMost: 1.1 }, { ...about, ...cost }),
      figureOf(`two-chats-${dtype}`, rates.twoPerS / rates.onePerS, 'ratio', { atLeast: 1.6 }, { ...about, ...rates }),
      figureOf(
        `second-turn-${dtype}`,
        turns.secondMs / turns.firstMs,
        'ratio',
        { atMost: 0.15 },
        { ...about, ...turns },
      ),
    ];
  } finally {
    await model.dispose();
    await raw.release();
  }
}

/** Two chats with the same model, exported with one operator for attention and cache, as most are today. */
async function figureOfFused(root: string, dtype: LlamaDtype): Promise<Figure> {
  const id = `bench/fused-${dtype}`;
  await writeLlamaModel(root, id, { dtype, size: SIZE, isFused: true });
  const rates = await ratesOfNode(root, id, dtype);
  const about = { dtype, weights: '24 M', attention: 'GroupQueryAttention' };
  return figureOf(
    `two-chats-fused-${dtype}`,
    rates.twoPerS / rates.onePerS,
    'ratio',
    { atLeast: 1.6 },
    { ...about, ...rates },
  );
}

/** Tokens per second of a node as it runs by default: its own choice of threads, in its own worker. */
async function ratesOfNode(root: string, id: string, dtype: LlamaDtype) {
  const log = { info: () => undefined, fault: (message: string) => console.error(message) };
  const folders = { modelFolder: root, cacheFolder: join(root, 'none') };
  const node = await createWorkerRuntime({ models: [{ id, dtype }], ...folders, log });
  const together = (chats: number) => async (): Promise<number> => {
    const startedAt = performance.now();
    const one = () => answer(ofNode(node, id), [{ role: 'user', content: PROMPT }]);
    await Promise.all(Array.from({ length: chats }, one));
    return (chats * TOKENS * 1_000) / (performance.now() - startedAt);
  };
  try {
    // Whether rows share passes, and on how many threads, is found out with the first of them.
    await together(2)();
    return await interleave(RATE_ROUNDS, { onePerS: together(1), twoPerS: together(2), eightPerS: together(8) });
  } finally {
    await node.close();
  }
}

type Asked = Pick<LoadedModel, 'run'>;

function ofNode(node: Runtime, model: string): Asked {
  return { run: (job, output) => node.run({ ...job, model }, output, new AbortController().signal) };
}

/** After the first token, so that the prompt is not in it. */
export async function msPerToken(model: LoadedModel): Promise<number> {
  const { times } = await answer(model, [{ role: 'user', content: PROMPT }]);
  return ((times.at(-1) ?? 0) - (times[0] ?? 0)) / (times.length - 1);
}

/** What anybody would write who has only ONNX Runtime: the highest score, and the cache back in. */
async function rawMsPerToken(raw: Awaited<ReturnType<typeof openRawSession>>): Promise<number> {
  const ids = (values: bigint[]) => raw.tensor('int64', BigInt64Array.from(values), [1, values.length]);
  let cache: Record<string, SessionTensor> = {};
  for (const { name, shape } of raw.inputs) {
    const [, heads = 0, , width = 0] = shape;
    if (name.startsWith('past')) cache[name] = raw.tensor('float32', new Float32Array(0), [1, +heads, 0, +width]);
  }
  let length = 0;
  let next = Array.from(PROMPT, (_, at) => BigInt(at + 4));
  let startedAt = 0;
  for (let token = 0; token < TOKENS; token++) {
    const places = next.map((_, at) => BigInt(length + at));
    length += next.length;
    const mask = new Array<bigint>(length).fill(1n);
    const feeds = { input_ids: ids(next), position_ids: ids(places), attention_mask: ids(mask), ...cache };
    const { logits, ...present } = await raw.run(feeds);
    cache = Object.fromEntries(
      Object.entries(present).map(([name, of]) => [name.replace('present', 'past_key_values'), of]),
    );
    if (logits === undefined) throw new Error('The model gave no scores.');
    const scores = raw.floats(logits).subarray(-SIZE.vocabulary);
    let best = 0;
    for (let id = 1; id < scores.length; id++) if ((scores[id] ?? 0) > (scores[best] ?? 0)) best = id;
    next = [BigInt(best)];
    if (token === 0) startedAt = performance.now();
  }
  return (performance.now() - startedAt) / (TOKENS - 1);
}

/** Milliseconds to the first token of a prompt of 1,000 tokens, and of the turn that follows its answer. */
async function turnsOf(model: LoadedModel) {
  let conversations = 0;
  let scope = '';
  let messages: ChatMessage[] = [];
  return {
    async firstMs(): Promise<number> {
      scope = `client ${conversations++}`;
      messages = [{ role: 'user', content: `${conversations} ${'a word '.repeat(142)}` }];
      const { text, firstMs } = await answer(model, messages, scope, 24);
      messages.push({ role: 'assistant', content: text }, { role: 'user', content: 'And what else?' });
      return firstMs;
    },
    secondMs: async (): Promise<number> => (await answer(model, messages, scope, 24)).firstMs,
  };
}

async function answer(model: Asked, messages: readonly ChatMessage[], scope?: string, maxTokens = TOKENS) {
  const base = { maxTokens, temperature: 0, topP: null, seed: null, stop: [] };
  const input = { ...base, logitBias: ALWAYS_A, messages: [...messages] };
  const startedAt = performance.now();
  const times: number[] = [];
  let text = '';
  const output = {
    text: (piece: string): void => {
      times.push(performance.now());
      text += piece;
    },
    toolCall: () => undefined,
    vectors: () => undefined,
  };
  const job = { type: 'llm' as const, model: 'bench', input, ...(scope === undefined ? {} : { scope }) };
  await model.run(job, output, () => false);
  return { text, times, firstMs: (times[0] ?? performance.now()) - startedAt };
}
