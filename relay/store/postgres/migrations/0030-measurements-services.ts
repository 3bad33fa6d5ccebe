import type { Migration } from '../../migration.ts';

/** What the relay measured is an aid of its choices that may be lost. Definitions of services are JSON. */
export const measurementsServices: Migration = {
  id: 30,
  name: 'measurements-services',
  sql: `
CREATE TABLE node_reliability (
  node_id TEXT COLLATE "C" PRIMARY KEY,
  succeeded DOUBLE PRECISION NOT NULL,
  failed DOUBLE PRECISION NOT NULL,
  at BIGINT NOT NULL
);
CREATE INDEX node_reliability_by_age ON node_reliability (at);

CREATE TABLE node_speeds (
  node_id TEXT COLLATE "C" NOT NULL,
  model TEXT COLLATE "C" NOT NULL,
  measures TEXT NOT NULL,
  at BIGINT NOT NULL,
  PRIMARY KEY (node_id, model)
);
CREATE INDEX node_speeds_by_age ON node_speeds (at);

CREATE TABLE services (
  service_id TEXT COLLATE "C" PRIMARY KEY,
  definition TEXT NOT NULL,
  updated_at BIGINT NOT NULL
);
`,
};
