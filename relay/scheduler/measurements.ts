import type { LiveNode } from '../fabric/nodes/node-table.ts';
import { createRecentMap, type RecentMap } from '../recent-map.ts';
import type { Work } from './wanted.ts';

/** A moving average, with what is needed to say how much it is worth. */
export type Measure = { value: number; samples: number; at: number };

/** What the relay itself measured of a model, on one node or on all. Times in milliseconds. */
export type ModelMeasures = {
  /** To the first token of a model that was loaded, and for how many tokens of input. */
  firstToken?: Measure;
  inputTokens?: Measure;
  perToken?: Measure;
  /** What the first token took longer because the model was not loaded. */
  load?: Measure;
  outputTokens?: Measure;
};

export type NodeRecord = { succeeded: number; failed: number; readonly models: RecentMap<ModelMeasures> };

/** How an attempt went, in milliseconds since its node was chosen. */
export type AttemptResult = {
  readonly firstTokenMs: number | null;
  readonly endMs: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly wasCold: boolean;
};

export type Measurements = {
  ofNode(nodeId: string): NodeRecord | undefined;
  /** The average of the pool, which is what is assumed of a node that is not known yet. */
  ofPool(model: string): ModelMeasures | undefined;
  succeeded(node: LiveNode, model: string, work: Work, result: AttemptResult, now: number): void;
  failed(node: LiveNode): void;
};

/** A new value moves the average by a fifth: a burst of odd ones does not, a changed machine does within ten jobs. */
const NEW_VALUE_WEIGHT = 0.2;
/** Old successes count less: the counts are halved when they reach this. */
const COUNTS_MOST = 200;
/** What one node and its models take is a few hundred bytes; the longest unused goes first. */
export const NODES_KEPT = 20_000;
const MODELS_KEPT = 1_000;

/** What is known when the relay starts; the longest unused first. */
export type KnownMeasurements = { nodes: Map<string, NodeRecord>; pool: Map<string, ModelMeasures> };

export function createNodeRecord(counts: Pick<NodeRecord, 'succeeded' | 'failed'>): NodeRecord {
  return { ...counts, models: createRecentMap(MODELS_KEPT) };
}

/** Remembers how nodes did, by node id, so that a node that comes back is no stranger. Goes on with what is given. */
export function createMeasurements(known?: KnownMeasurements): Measurements {
  const nodes = createRecentMap(NODES_KEPT, known?.nodes);
  const pool = createRecentMap(MODELS_KEPT, known?.pool);
  const recordOf = (nodeId: string): NodeRecord => {
    const record = nodes.get(nodeId) ?? createNodeRecord({ succeeded: 0, failed: 0 });
    nodes.set(nodeId, record);
    return record;
  };
  const count = (record: NodeRecord, outcome: 'succeeded' | 'failed'): void => {
    record[outcome] += 1;
    if (record.succeeded + record.failed < COUNTS_MOST) return;
    record.succeeded /= 2;
    record.failed /= 2;
  };
  return {
    ofNode: (nodeId) => nodes.get(nodeId),
    ofPool: (model) => pool.get(model),
    failed: (node) => count(recordOf(node.id), 'failed'),
    succeeded: (node, model, work, result, now) => {
      const record = recordOf(node.id);
      count(record, 'succeeded');
      const own = record.models.get(model) ?? {};
      const shared = pool.get(model) ?? {};
      learn(own, work, result, now);
      learn(shared, work, result, now);
      record.models.set(model, own);
      pool.set(model, shared);
    },
  };
}

function learn(measures: ModelMeasures, work: Work, result: AttemptResult, now: number): void {
  const { firstTokenMs, endMs, inputTokens, outputTokens, wasCold } = result;
  // An embedding has no tokens of its own: all of it is reading.
  const readMs = work.type === 'llm' ? (firstTokenMs ?? endMs) : endMs;
  if (wasCold) {
    const warmMs = measures.firstToken?.value ?? 0;
    measures.load = average(measures.load, Math.max(0, readMs - warmMs), now);
  } else {
    measures.firstToken = average(measures.firstToken, readMs, now);
    measures.inputTokens = average(measures.inputTokens, inputTokens, now);
  }
  if (work.type !== 'llm') return;
  measures.outputTokens = average(measures.outputTokens, outputTokens, now);
  if (firstTokenMs === null || outputTokens < 2) return;
  measures.perToken = average(measures.perToken, Math.max(0, endMs - firstTokenMs) / (outputTokens - 1), now);
}

function average(before: Measure | undefined, value: number, now: number): Measure {
  if (before === undefined) return { value, samples: 1, at: now };
  return {
    value: before.value + NEW_VALUE_WEIGHT * (value - before.value),
    samples: before.samples + 1,
    at: now,
  };
}
