import { createUser } from '@nats-io/nkeys';
import { connect, jwtAuthenticator } from 'nats.ws';
import { subjects } from '../../shared/protocol/subjects.ts';
import { enrol } from '../support/nodes/scripted-node.ts';
import { type Figure, figureOf } from './figure.ts';
import type { RelayPool } from './relay-pool.ts';
import { median } from './rounds.ts';

const TRIALS = 20;

/** From the operator's request to revoke a node to the end of the node's connection, as the node sees it. */
export async function revocation(pool: RelayPool): Promise<Figure[]> {
  const times: number[] = [];
  for (let trial = 0; trial < TRIALS; trial++) times.push(await revokeOne(pool));
  const worst = Math.max(...times);
  const detail = { trials: TRIALS, best: Math.min(...times), median: median(times) };
  return [figureOf('revocation-cut', worst, 'ms', { atMost: 1_000 }, detail)];
}

async function revokeOne({ relayUrl, adminToken }: RelayPool): Promise<number> {
  const key = createUser();
  const { nodeId, jwt, busPath } = await enrol(relayUrl, key.getPublicKey(), 'revoked');
  const connection = await connect({
    servers: new URL(busPath, relayUrl.replace('http:', 'ws:')).href,
    authenticator: jwtAuthenticator(jwt, key.getSeed()),
    inboxPrefix: subjects.inboxPrefix(nodeId),
    reconnect: false,
  });
  const closed = connection.closed();
  const startedAt = performance.now();
  const headers = { authorization: `Bearer ${adminToken}` };
  const response = await fetch(`${relayUrl}/v1/admin/nodes/${nodeId}/revoke`, { method: 'POST', headers });
  if (!response.ok) throw new Error(`the node was not revoked: ${await response.text()}`);
  await closed;
  return performance.now() - startedAt;
}
