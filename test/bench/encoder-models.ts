import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { filesInFolder } from '../../main/headless/inference/folder-files.ts';
import { createWorkerRuntime } from '../../main/headless/inference/worker-runtime.ts';
import type { RuntimeJob, RuntimeOutput } from '../../shared/runtimes/runtime.ts';
import { loadModel } from '../../shared/runtimes/transformers/engine.ts';
import { byteTokenId } from '../support/models/bigram-model.ts';
import { writeMiniLm } from '../support/models/minilm-model.ts';
import { openRawSession } from '../support/models/raw-session.ts';
import { type Figure, figureOf } from './figure.ts';
import { interleave } from './rounds.ts';

const ID = 'bench/minilm';
/** About as many tokens as a short sentence has for MiniLM's own tokenizer. */
const TEXT = 'an idle GPU';
const AT_ONCE = 32;
const ROUNDS = 7;
/** Of a round, by one client or shared by all. */
const TEXTS = 256;
/** What differs by a tenth of a millisecond is compared in short rounds, so that other work meets both sides alike. */
const SHORT_ROUNDS = 61;
const SHORT_TEXTS = 16;

/** How the engine compares with bare ONNX Runtime for one embedding, and 32 at once with one after another. */
export async function encoderModels(): Promise<Figure[]> {
  const root = mkdtempSync(join(tmpdir(), 'sparewatt-bench-encoder-'));
  try {
    const folder = await writeMiniLm(root, ID, 'q8');
    return [await costOfOne(folder), await rateOfMany(root)];
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

async function costOfOne(folder: string): Promise<Figure> {
  const model = await loadModel(filesInFolder(folder), { dtype: 'q8', device: 'cpu', threads: 1 });
  const raw = await openRawSession(join(folder, 'onnx/model_quantized.onnx'));
  const ids = BigInt64Array.from(Buffer.from(TEXT), (byte) => BigInt(byteTokenId(byte)));
  const run = async (): Promise<unknown> => {
    const shape = [1, ids.length];
    const mask = raw.tensor('int64', new BigInt64Array(ids.length).fill(1n), shape);
    return await raw.run({ input_ids: raw.tensor('int64', ids, shape), attention_mask: mask });
  };
  try {
    const times = await interleave(SHORT_ROUNDS, {
      engineMs: () => msOf(() => model.run(job(), NO_OUTPUT, () => false)),
      rawMs: () => msOf(run),
    });
    return figureOf('embedding-to-raw', times.engineMs / times.rawMs, 'ratio', { atMost: 1.3 }, { ...ABOUT, ...times });
  } finally {
    await model.dispose();
    await raw.release();
  }
}

/** By a node as it runs by default: its own choice of threads, in its own worker. */
async function rateOfMany(root: string): Promise<Figure> {
  const log = { info: () => undefined, fault: (message: string) => console.error(message) };
  const folders = { modelFolder: root, cacheFolder: join(root, 'none') };
  const node = await createWorkerRuntime({ models: [{ id: ID, dtype: 'q8' }], ...folders, log });
  const rate = (clients: number) => async (): Promise<number> => {
    const startedAt = performance.now();
    let left = TEXTS;
    const client = async (): Promise<void> => {
      for (; left > 0; left--) await node.run(job(), NO_OUTPUT, new AbortController().signal);
    };
    await Promise.all(Array.from({ length: clients }, client));
    return (TEXTS * 1_000) / (performance.now() - startedAt);
  };
  try {
    await rate(AT_ONCE)();
    const rates = await interleave(ROUNDS, { onePerS: rate(1), atOncePerS: rate(AT_ONCE) });
    const detail = { ...ABOUT, atOnce: AT_ONCE, ...rates };
    return figureOf('minilm-at-once', rates.atOncePerS / rates.onePerS, 'ratio', { atLeast: 2.5 }, detail);
  } finally {
    await node.close();
  }
}

const ABOUT = { dtype: 'q8', weights: '11 M', tokens: TEXT.length };
const NO_OUTPUT: RuntimeOutput = { text: () => undefined, toolCall: () => undefined, vectors: () => undefined };

function job(): RuntimeJob {
  return { type: 'embed', model: ID, input: { inputs: [TEXT], dimensions: null } };
}

async function msOf(run: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  for (let text = 0; text < SHORT_TEXTS; text++) await run();
  return (performance.now() - startedAt) / SHORT_TEXTS;
}
