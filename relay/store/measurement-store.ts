import type { ModelMeasures } from '../scheduler/measurements.ts';

/** How many attempts of a node went well. Recent ones weigh more, so that the counts may be fractions. */
export type ReliabilityRecord = { nodeId: string; succeeded: number; failed: number; at: number };

/** What was measured of a model on one node, or on all of them under `POOL`. */
export type SpeedRecord = { nodeId: string; model: string; measures: ModelMeasures; at: number };

/** Stands in for a node's id where all nodes are meant; no node can be called so. */
export const POOL = '';

export type MeasurementRecords = { nodes: readonly ReliabilityRecord[]; speeds: readonly SpeedRecord[] };

export interface MeasurementStore {
  /** Takes the place of what was kept of the same nodes and models, all of it or nothing. */
  putMeasurements(records: MeasurementRecords): Promise<void>;
  /** Everything that is kept, oldest first. */
  listMeasurements(): Promise<MeasurementRecords>;
  /** Forgets what is older than a moment, and the oldest of what is more than a number of rows of each kind. */
  pruneMeasurements(limits: { before: number; mostNodes: number; mostSpeeds: number }): Promise<void>;
}
