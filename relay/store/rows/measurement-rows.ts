import type { ModelMeasures } from '../../scheduler/measurements.ts';
import type { ReliabilityRecord, SpeedRecord } from '../measurement-store.ts';

export type ReliabilityRow = { node_id: string; succeeded: number; failed: number; at: number };
export type SpeedRow = { node_id: string; model: string; measures: string; at: number };

export function reliabilityValues({ nodeId, succeeded, failed, at }: ReliabilityRecord): unknown[] {
  return [nodeId, succeeded, failed, at];
}

export function speedValues({ nodeId, model, measures, at }: SpeedRecord): unknown[] {
  return [nodeId, model, JSON.stringify(measures), at];
}

export function toReliability({ node_id: nodeId, succeeded, failed, at }: ReliabilityRow): ReliabilityRecord {
  return { nodeId, succeeded, failed, at };
}

export function toSpeed({ node_id: nodeId, model, measures, at }: SpeedRow): SpeedRecord {
  return { nodeId, model, measures: JSON.parse(measures) as ModelMeasures, at };
}
