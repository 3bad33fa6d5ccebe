import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createWorkerRuntime } from '../../main/headless/inference/worker-runtime.ts';
import type { Runtime } from '../../shared/runtimes/runtime.ts';
import { type MarianSize, writeMarian } from '../support/models/marian-model.ts';
import { type Figure, figureOf } from './figure.ts';
import { interleave } from './rounds.ts';

/** 43 million weights, more than half of a Marian of opus-mt. */
const SIZE: MarianSize = { layers: 4, hidden: 512, heads: 8, inner: 2_048, vocabulary: 8_192 };
const AT_ONCE = 8;
const ROUNDS = 5;
/** Of equal and of very unequal length, as random weights end by chance alone. */
const TOKENS = { alike: new Array<number>(AT_ONCE).fill(32), unlike: [4, 8, 8, 16, 16, 24, 32, 96] };
const NO_OUTPUT = { text: () => undefined, toolCall: () => undefined, vectors: () => undefined };

/** Eight short translations that are asked for at once, and one after another, by a node as it runs by default. */
export async function translations(): Promise<Figure[]> {
  const root = mkdtempSync(join(tmpdir(), 'sparewatt-bench-translations-'));
  const figures: Figure[] = [];
  try {
    for (const dtype of ['fp32', 'q8'] as const) figures.push(...(await figuresOf(root, dtype)));
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
  return figures;
}

async function figuresOf(root: string, dtype: 'fp32' | 'q8'): Promise<Figure[]> {
  const id = `bench/marian-${dtype}`;
  await writeMarian(root, id, { size: SIZE, dtype });
  const log = { info: () => undefined, fault: (message: string) => console.error(message) };
  const folders = { modelFolder: root, cacheFolder: join(root, 'none') };
  const node = await createWorkerRuntime({ models: [{ id, dtype }], ...folders, log });
  const figures: Figure[] = [];
  try {
    // Whether rows share passes is found out with the first of them.
    await msOf(node, id, TOKENS.alike, true);
    for (const [name, tokens] of Object.entries(TOKENS)) {
      const times = await interleave(ROUNDS, {
        oneByOneMs: () => msOf(node, id, tokens, false),
        atOnceMs: () => msOf(node, id, tokens, true),
      });
      const detail = { dtype, weights: '43 M', tokens: tokens.join(' '), ...times };
      figures.push(
        figureOf(`translations-at-once-${name}-${dtype}`, times.oneByOneMs / times.atOnceMs, 'ratio', null, detail),
      );
    }
  } finally {
    await node.close();
  }
  return figures;
}

async function msOf(node: Runtime, model: string, tokens: readonly number[], isAtOnce: boolean): Promise<number> {
  const startedAt = performance.now();
  const asked: Promise<unknown>[] = [];
  for (const [at, max_tokens] of tokens.entries()) {
    const input = { task: 'translation', text: 'An idle GPU warms nobody. '.slice(0, 12 + at), max_tokens };
    const answer = node.run({ type: 'task', model, input }, NO_OUTPUT, new AbortController().signal);
    asked.push(answer);
    if (!isAtOnce) await answer;
  }
  await Promise.all(asked);
  return performance.now() - startedAt;
}
