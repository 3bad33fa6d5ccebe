import { connect } from '@nats-io/transport-node';
import { Problem } from '../../../shared/problems/problem.ts';
import { authenticatorOf } from '../bus/bus-connection.ts';
import type { BusIdentity } from '../bus/bus-identity.ts';
import { systemUser } from '../bus/credentials.ts';

const TIMEOUT_MS = 5_000;

/**
 * Makes a server read its configuration and certificates again, by its own control subject, because a signal would not
 * tell whether it could. Connections go on. Errors: `nats_server_failed`.
 */
export async function reloadServer(address: string, identity: BusIdentity): Promise<void> {
  const error = await askToReload(address, identity).catch((cause: unknown) => String(cause));
  if (error !== undefined) {
    throw new Problem('nats_server_failed', `nats-server did not take its new certificate: ${error}.`);
  }
}

async function askToReload(address: string, identity: BusIdentity): Promise<string | undefined> {
  const connection = await connect({
    servers: address,
    authenticator: authenticatorOf(systemUser(identity)),
    reconnect: false,
    timeout: TIMEOUT_MS,
  });
  try {
    const subject = `$SYS.REQ.SERVER.${connection.info?.server_id}.RELOAD`;
    const answer = await connection.request(subject, undefined, { timeout: TIMEOUT_MS });
    const { error } = answer.json<{ error?: { description?: string } }>();
    return error === undefined ? undefined : (error.description ?? 'for a reason of its own');
  } finally {
    await connection.close();
  }
}
