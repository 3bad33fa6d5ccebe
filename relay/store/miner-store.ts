/** A node that comes over HTTP: the SHA-256 of its token (hex), what it registered as JSON, and since when the token is. */
export type MinerRecord = { nodeId: string; tokenHash: string; terms: string; issuedAt: number };

export interface MinerStore {
  /** Takes the place of the one with the same node id; its former token is void. */
  putMiner(record: MinerRecord): Promise<void>;
  /** By node id. */
  listMiners(): Promise<MinerRecord[]>;
}
