import type { Database } from 'better-sqlite3';
import type { MinerRecord, MinerStore } from '../miner-store.ts';
import type { SqliteAccess } from './sqlite-access.ts';

type Row = { node_id: string; token_hash: string; terms: string; issued_at: number };

/** Nodes that come over HTTP, on SQLite. */
export function createMinerStore(db: Database, access: SqliteAccess): MinerStore {
  const put = db.prepare<[string, string, string, number]>(
    'INSERT INTO miners (node_id, token_hash, terms, issued_at) VALUES (?, ?, ?, ?) ON CONFLICT (node_id) ' +
      'DO UPDATE SET token_hash = excluded.token_hash, terms = excluded.terms, issued_at = excluded.issued_at',
  );
  const all = db.prepare<[], Row>('SELECT node_id, token_hash, terms, issued_at FROM miners ORDER BY node_id');
  return {
    putMiner: ({ nodeId, tokenHash, terms, issuedAt }) =>
      access.write(() => void put.run(nodeId, tokenHash, terms, issuedAt)),
    listMiners: () => access.read(() => all.all().map(toRecord)),
  };
}

function toRecord({ node_id: nodeId, token_hash: tokenHash, terms, issued_at: issuedAt }: Row): MinerRecord {
  return { nodeId, tokenHash, terms, issuedAt };
}
