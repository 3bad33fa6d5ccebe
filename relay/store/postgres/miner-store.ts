import type { MinerRecord, MinerStore } from '../miner-store.ts';
import type { PostgresAccess } from './queries.ts';

const PUT =
  'INSERT INTO miners (node_id, token_hash, terms, issued_at) VALUES ($1, $2, $3, $4) ON CONFLICT (node_id) ' +
  'DO UPDATE SET token_hash = excluded.token_hash, terms = excluded.terms, issued_at = excluded.issued_at';
const ALL =
  'SELECT node_id AS "nodeId", token_hash AS "tokenHash", terms, issued_at AS "issuedAt" FROM miners ORDER BY node_id';

/** Nodes that come over HTTP, on PostgreSQL. */
export function createMinerStore(access: PostgresAccess): MinerStore {
  return {
    putMiner: ({ nodeId, tokenHash, terms, issuedAt }) =>
      access.write(async (db) => void (await db.run(PUT, [nodeId, tokenHash, terms, issuedAt]))),
    listMiners: () => access.read((db) => db.all<MinerRecord>(ALL)),
  };
}
