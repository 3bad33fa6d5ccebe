import { readFileSync } from 'node:fs';
import { type Authenticator, credsAuthenticator } from '@nats-io/transport-node';
import { Problem } from '../../../shared/problems/problem.ts';
import type { BusOptions } from './bus.ts';
import { authenticatorOf, type BusAddress } from './bus-connection.ts';
import type { BusIdentity } from './bus-identity.ts';
import { relayUser, systemUser } from './credentials.ts';
import { hostAndPort, type NatsUrl, parseNatsUrl } from './nats-url.ts';

/**
 * A server that trusts this relay's operator, and so lets in whom the relay signs: the embedded one, or one that runs
 * with the configuration that `sparewatt nats-config` prints. Nodes are kept apart.
 */
export function ownedBus(urls: string, identity: BusIdentity): Omit<BusOptions, 'log'> {
  const servers = parseNatsUrl(urls).servers.map(hostAndPort);
  const relay = relayUser(identity);
  return {
    fabric: { servers, authenticator: authenticatorOf(relay) },
    system: {
      address: { servers, authenticator: authenticatorOf(systemUser(identity)) },
      account: identity.fabric.publicKey,
      self: relay.key.publicKey,
    },
  };
}

/**
 * A server that knows nothing of this relay: open, or with a login that relay and nodes share. Nodes are not kept apart
 * from one another there, so that it suits only machines of one owner; `node-gate.ts` keeps out who is no node.
 */
export function sharedBus({ servers, login }: Pick<NatsUrl, 'servers' | 'login'>): Omit<BusOptions, 'log'> {
  const address: BusAddress = { servers: servers.map(hostAndPort) };
  return { fabric: login === undefined ? address : { ...address, authenticator: login } };
}

/** The login in a creds file, as NATS's own tools write it. Throws `invalid_option`. */
export function loginOfCreds(file: string): Authenticator {
  try {
    return credsAuthenticator(readFileSync(file));
  } catch (cause) {
    throw new Problem('invalid_option', `The creds file ${file} cannot be read.`, { cause });
  }
}
