import type { Database } from 'better-sqlite3';
import type { MeasurementStore } from '../measurement-store.ts';
import {
  type ReliabilityRow,
  reliabilityValues,
  type SpeedRow,
  speedValues,
  toReliability,
  toSpeed,
} from '../rows/measurement-rows.ts';
import type { SqliteAccess } from './sqlite-access.ts';

/** What the relay measured of its nodes, on SQLite. */
export function createMeasurementStore(db: Database, access: SqliteAccess): MeasurementStore {
  const statements = prepareStatements(db);
  return {
    putMeasurements: ({ nodes, speeds }) => {
      // Written down now: they go on changing before their turn comes.
      const nodeRows = nodes.map(reliabilityValues);
      const speedRows = speeds.map(speedValues);
      return access.write(() => {
        for (const row of nodeRows) statements.putNode.run(...row);
        for (const row of speedRows) statements.putSpeed.run(...row);
      });
    },
    listMeasurements: () =>
      access.read(() => ({
        nodes: statements.nodes.all().map(toReliability),
        speeds: statements.speeds.all().map(toSpeed),
      })),
    pruneMeasurements: ({ before, mostNodes, mostSpeeds }) =>
      access.write(() => {
        statements.pruneNodes.run(before, mostNodes);
        statements.pruneSpeeds.run(before, mostSpeeds);
      }),
  };
}

function prepareStatements(db: Database) {
  const prune = (table: string) =>
    db.prepare<[number, number]>(
      `DELETE FROM ${table} WHERE at < max(?, coalesce((SELECT at FROM ${table} ORDER BY at DESC LIMIT 1 OFFSET ? - 1), 0))`,
    );
  return {
    putNode: db.prepare<unknown[]>(
      'INSERT INTO node_reliability (node_id, succeeded, failed, at) VALUES (?, ?, ?, ?) ON CONFLICT (node_id) ' +
        'DO UPDATE SET succeeded = excluded.succeeded, failed = excluded.failed, at = excluded.at',
    ),
    putSpeed: db.prepare<unknown[]>(
      'INSERT INTO node_speeds (node_id, model, measures, at) VALUES (?, ?, ?, ?) ON CONFLICT (node_id, model) ' +
        'DO UPDATE SET measures = excluded.measures, at = excluded.at',
    ),
    nodes: db.prepare<[], ReliabilityRow>(
      'SELECT node_id, succeeded, failed, at FROM node_reliability ORDER BY at, node_id',
    ),
    speeds: db.prepare<[], SpeedRow>(
      'SELECT node_id, model, measures, at FROM node_speeds ORDER BY at, node_id, model',
    ),
    pruneNodes: prune('node_reliability'),
    pruneSpeeds: prune('node_speeds'),
  };
}
