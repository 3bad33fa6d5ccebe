import type { MeasurementStore } from '../measurement-store.ts';
import {
  type ReliabilityRow,
  reliabilityValues,
  type SpeedRow,
  speedValues,
  toReliability,
  toSpeed,
} from '../rows/measurement-rows.ts';
import type { PostgresAccess } from './queries.ts';

const PUT_NODE =
  'INSERT INTO node_reliability (node_id, succeeded, failed, at) VALUES ($1, $2, $3, $4) ON CONFLICT (node_id) ' +
  'DO UPDATE SET succeeded = excluded.succeeded, failed = excluded.failed, at = excluded.at';
const PUT_SPEED =
  'INSERT INTO node_speeds (node_id, model, measures, at) VALUES ($1, $2, $3, $4) ON CONFLICT (node_id, model) ' +
  'DO UPDATE SET measures = excluded.measures, at = excluded.at';
const NODES = 'SELECT node_id, succeeded, failed, at FROM node_reliability ORDER BY at, node_id';
const SPEEDS = 'SELECT node_id, model, measures, at FROM node_speeds ORDER BY at, node_id, model';

/** Older than a moment, or than the last of so many. */
function prune(table: string): string {
  const last = `SELECT at FROM ${table} ORDER BY at DESC LIMIT 1 OFFSET GREATEST($2::bigint - 1, 0)`;
  return `DELETE FROM ${table} WHERE at < GREATEST($1::bigint, (${last}))`;
}

/** What the relay measured of its nodes, on PostgreSQL. */
export function createMeasurementStore(access: PostgresAccess): MeasurementStore {
  return {
    putMeasurements: ({ nodes, speeds }) => {
      // Written down now: they go on changing before their turn comes.
      const nodeRows = nodes.map(reliabilityValues);
      const speedRows = speeds.map(speedValues);
      return access.write(async (db) => {
        for (const row of nodeRows) await db.run(PUT_NODE, row);
        for (const row of speedRows) await db.run(PUT_SPEED, row);
      });
    },
    listMeasurements: () =>
      access.readTogether(async (db) => ({
        nodes: (await db.all<ReliabilityRow>(NODES)).map(toReliability),
        speeds: (await db.all<SpeedRow>(SPEEDS)).map(toSpeed),
      })),
    pruneMeasurements: ({ before, mostNodes, mostSpeeds }) =>
      access.write(async (db) => {
        await db.run(prune('node_reliability'), [before, mostNodes]);
        await db.run(prune('node_speeds'), [before, mostSpeeds]);
      }),
  };
}
