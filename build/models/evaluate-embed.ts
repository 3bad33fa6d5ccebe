/** Cosines and retrieval accuracy of the embedding model on held-out sentences, per dtype. */
import { type FeatureExtractionPipeline, pipeline } from '@huggingface/transformers';

const MODEL = 'sparewatt/demo-embed';
const DTYPES = ['fp32', 'q8'] as const;
const BATCH = 32;
const SPEED_RUNS = 9;

interface EmbedItem {
  topic: string;
  text: string;
}

/** Checks the file that `heldout_embed.py` wrote. */
export function parseEmbedItems(content: unknown): EmbedItem[] {
  if (!Array.isArray(content) || !content.every(isEmbedItem)) {
    throw new Error('This is no list of held-out sentences; make it with heldout_embed.py.');
  }
  return content;
}

function isEmbedItem(item: unknown): item is EmbedItem {
  const { topic, text } = (item ?? {}) as Partial<EmbedItem>;
  return typeof topic === 'string' && typeof text === 'string';
}

/** Figures of both dtypes. */
export async function evaluateEmbed(items: EmbedItem[]) {
  const figures: Record<string, unknown> = {};
  for (const dtype of DTYPES) {
    const started = performance.now();
    const session_options = { intraOpNumThreads: 1, interOpNumThreads: 1 };
    const extractor = await pipeline('feature-extraction', MODEL, { dtype, device: 'cpu', session_options });
    const loadMs = Math.round(performance.now() - started);
    const vectors = await embed(
      extractor,
      items.map((item) => item.text),
    );
    figures[dtype] = { loadMs, textsPerSecond: await measureSpeed(extractor, items), ...compare(items, vectors) };
    await extractor.dispose();
  }
  return { model: MODEL, sentences: items.length, ...figures };
}

async function embed(extractor: FeatureExtractionPipeline, texts: string[]): Promise<number[][]> {
  const vectors: number[][] = [];
  for (let start = 0; start < texts.length; start += BATCH) {
    const output = await extractor(texts.slice(start, start + BATCH), { pooling: 'mean', normalize: true });
    vectors.push(...(output.tolist() as number[][]));
  }
  return vectors;
}

/** Mean cosine within and across topics, and how often the nearest other sentence has the same topic. */
function compare(items: EmbedItem[], vectors: number[][]) {
  const sums = { same: 0, sameCount: 0, other: 0, otherCount: 0, nearestRight: 0 };
  items.forEach((item, i) => {
    let nearest = { cosine: -2, topic: '' };
    items.forEach((candidate, j) => {
      if (i === j) return;
      const cosine = dot(vectors[i] ?? [], vectors[j] ?? []);
      if (cosine > nearest.cosine) nearest = { cosine, topic: candidate.topic };
      const isSame = candidate.topic === item.topic;
      sums[isSame ? 'same' : 'other'] += cosine;
      sums[isSame ? 'sameCount' : 'otherCount'] += 1;
    });
    if (nearest.topic === item.topic) sums.nearestRight += 1;
  });
  return {
    sameTopicCosine: round(sums.same / sums.sameCount),
    otherTopicCosine: round(sums.other / sums.otherCount),
    retrievalAccuracy: round(sums.nearestRight / items.length),
  };
}

function dot(a: number[], b: number[]): number {
  return a.reduce((sum, value, i) => sum + value * (b[i] ?? 0), 0);
}

function round(value: number): number {
  return Number(value.toFixed(4));
}

async function measureSpeed(extractor: FeatureExtractionPipeline, items: EmbedItem[]): Promise<number> {
  const texts = items.slice(0, BATCH).map((item) => item.text);
  const speeds: number[] = [];
  for (let run = 0; run < SPEED_RUNS + 2; run += 1) {
    const started = performance.now();
    await embed(extractor, texts);
    if (run >= 2) speeds.push((texts.length / (performance.now() - started)) * 1000);
  }
  return Math.round(speeds.sort((a, b) => a - b)[SPEED_RUNS >> 1] ?? 0);
}
