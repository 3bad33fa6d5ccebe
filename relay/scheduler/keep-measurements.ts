import type { RelayLog } from '../log.ts';
import {
  type MeasurementRecords,
  type MeasurementStore,
  POOL,
  type ReliabilityRecord,
  type SpeedRecord,
} from '../store/measurement-store.ts';
import {
  createMeasurements,
  createNodeRecord,
  type KnownMeasurements,
  type Measurements,
  NODES_KEPT,
} from './measurements.ts';

export type KeptMeasurements = Measurements & {
  /** Writes down what has changed, and ends. */
  close(): Promise<void>;
};

export type KeepOptions = { store: MeasurementStore; now: () => number; log: RelayLog; intervalMs?: number };

/** What is lost by a crash: measurements are an aid, and a job or two brings them back. */
const INTERVAL_MS = 30_000;
/** One write must not hold up the others of its group: 200 rows are a few milliseconds. */
const ROWS_PER_WRITE = 200;
/** A machine that was away for longer is a stranger again. */
const FORGET_AFTER_MS = 30 * 24 * 60 * 60_000;
/** Three models for each node that is remembered, some 20 MB on the disk. */
const SPEEDS_KEPT = 3 * NODES_KEPT;
/** Failures are forgiven and successes fade while the relay or the node is away; speeds carry their own age. */
const RELIABILITY_HALF_LIFE_MS = 7 * 24 * 60 * 60_000;

/**
 * Measurements that outlast the relay's process. Errors: `storage_failed` when they cannot be read.
 *
 * Invariants: (1) an attempt that ends only notes what has changed; (2) what has changed is written in groups, each row
 * as it is at that moment; (3) what could not be written is tried again the next time.
 */
export async function openMeasurements(options: KeepOptions): Promise<KeptMeasurements> {
  const { store, now, log } = options;
  await store.pruneMeasurements({
    before: now() - FORGET_AFTER_MS,
    mostNodes: NODES_KEPT,
    mostSpeeds: SPEEDS_KEPT,
  });
  const inner = createMeasurements(knownFrom(await store.listMeasurements(), now()));
  let changed = new Map<string, Set<string | null>>();
  const note = (nodeId: string, model: string | null): void => {
    const models = changed.get(nodeId);
    if (models === undefined) changed.set(nodeId, new Set([model]));
    else models.add(model);
  };

  const write = async (): Promise<void> => {
    const rows = [...changed].flatMap(([nodeId, models]) => [...models].map((model): Changed => ({ nodeId, model })));
    changed = new Map();
    for (let at = 0; at < rows.length; at += ROWS_PER_WRITE) {
      try {
        await store.putMeasurements(recordsOf(rows.slice(at, at + ROWS_PER_WRITE), inner, now()));
      } catch (error) {
        log.warn({ err: error }, 'measurements could not be written down yet');
        for (const { nodeId, model } of rows.slice(at)) note(nodeId, model);
        return;
      }
    }
  };
  let writing = Promise.resolve();
  const timer = setInterval(() => {
    writing = writing.then(write);
  }, options.intervalMs ?? INTERVAL_MS);
  timer.unref();

  return {
    ofNode: inner.ofNode,
    ofPool: inner.ofPool,
    failed: (node) => {
      inner.failed(node);
      note(node.id, null);
    },
    succeeded: (node, model, work, result, at) => {
      inner.succeeded(node, model, work, result, at);
      note(node.id, null);
      note(node.id, model);
      note(POOL, model);
    },
    close: async () => {
      clearInterval(timer);
      await writing;
      await write();
    },
  };
}

/** A row that differs from what is stored: the reliability of a node, or a speed when a model is named. */
type Changed = { nodeId: string; model: string | null };

function recordsOf(rows: readonly Changed[], measurements: Measurements, at: number): MeasurementRecords {
  const nodes: ReliabilityRecord[] = [];
  const speeds: SpeedRecord[] = [];
  for (const { nodeId, model } of rows) {
    const record = measurements.ofNode(nodeId);
    // What was forgotten since is not written.
    if (model === null) {
      if (record !== undefined) nodes.push({ nodeId, succeeded: record.succeeded, failed: record.failed, at });
      continue;
    }
    const measures = nodeId === POOL ? measurements.ofPool(model) : record?.models.get(model);
    if (measures !== undefined) speeds.push({ nodeId, model, measures, at });
  }
  return { nodes, speeds };
}

function knownFrom({ nodes, speeds }: MeasurementRecords, now: number): KnownMeasurements {
  const known: KnownMeasurements = { nodes: new Map(), pool: new Map() };
  for (const { nodeId, succeeded, failed, at } of nodes) {
    const kept = 0.5 ** (Math.max(0, now - at) / RELIABILITY_HALF_LIFE_MS);
    known.nodes.set(nodeId, createNodeRecord({ succeeded: succeeded * kept, failed: failed * kept }));
  }
  for (const { nodeId, model, measures } of speeds) {
    if (nodeId === POOL) known.pool.set(model, measures);
    else known.nodes.get(nodeId)?.models.set(model, measures);
  }
  return known;
}
