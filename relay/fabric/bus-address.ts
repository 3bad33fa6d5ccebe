import { readFileSync } from 'node:fs';
import {
  type Authenticator,
  credsAuthenticator,
  tokenAuthenticator,
  usernamePasswordAuthenticator,
} from '@nats-io/transport-node';
import { Problem } from '../../shared/problems/problem.ts';
import type { BusOptions } from './bus.ts';
import { authenticatorOf, type BusAddress } from './bus-connection.ts';
import type { BusIdentity } from './bus-identity.ts';
import { relayUser, systemUser } from './credentials.ts';

export type ExternalBus = {
  /** One or more of `nats://` and `tls://`, separated by commas, with `user:password@` or `token@` where needed. */
  urls: string;
  /** A creds file for the relay's user. */
  credsFile?: string;
  /** A creds file for a user of the system account; with it the relay hears at once when a node is gone. */
  systemCredsFile?: string;
  /** Whether the servers run with the configuration that this relay wrote (`exportNatsConfig`). */
  usesOurOperator: boolean;
};

/** The relay's own server, entered with the keys of the data folder. */
export function embeddedBus(url: string, identity: BusIdentity): Omit<BusOptions, 'log'> {
  return withIdentity({ servers: [new URL(url).host], tls: false }, identity);
}

/**
 * A server or cluster that somebody else runs (`--nats URL`). Two kinds are supported:
 * (a) one without rights of its own, open or with a shared user or token: the relay and its nodes work, but nodes are
 * not kept apart from one another, so that it suits only machines of one owner (the caller warns of it);
 * (b) one that runs with the configuration this relay wrote: nodes are kept apart as on the embedded server.
 * Node credentials are signed the same way for both; a server of kind (a) does not look at them. A server with an
 * operator of its own is not supported, because only its owner could sign nodes. Throws `invalid_option`.
 */
export function externalBus(external: ExternalBus, identity: BusIdentity): Omit<BusOptions, 'log'> {
  const address = parseUrls(external.urls);
  if (external.usesOurOperator) return withIdentity(address, identity);
  const fabric = external.credsFile === undefined ? address : withCreds(address, external.credsFile);
  if (external.systemCredsFile === undefined) return { fabric };
  return { fabric, system: { address: withCreds(address, external.systemCredsFile), account: '*' } };
}

function withIdentity(address: BusAddress, identity: BusIdentity): Omit<BusOptions, 'log'> {
  return {
    fabric: { ...address, authenticator: authenticatorOf(relayUser(identity)) },
    system: {
      address: { ...address, authenticator: authenticatorOf(systemUser(identity)) },
      account: identity.fabric.publicKey,
    },
  };
}

function withCreds(address: BusAddress, file: string): BusAddress {
  try {
    return { ...address, authenticator: credsAuthenticator(readFileSync(file)) };
  } catch (cause) {
    throw new Problem('invalid_option', `The creds file ${file} cannot be read.`, { cause });
  }
}

function parseUrls(text: string): BusAddress {
  const urls = text.split(',').map((part) => parseUrl(part.trim()));
  const first = urls.find((url) => url.username !== '');
  const authenticator = first && authenticatorIn(first);
  return {
    servers: urls.map((url) => url.host),
    tls: urls.some((url) => url.protocol === 'tls:'),
    ...(authenticator === undefined ? {} : { authenticator }),
  };
}

function parseUrl(text: string): URL {
  const url = URL.parse(text.includes('://') ? text : `nats://${text}`);
  if (url !== null && ['nats:', 'tls:'].includes(url.protocol) && url.host !== '') return url;
  // The text may hold a password, so it is not repeated.
  throw new Problem('invalid_option', 'The address of the bus must look like nats://host:4222 or tls://host:4222.');
}

function authenticatorIn(url: URL): Authenticator {
  const user = decodeURIComponent(url.username);
  if (url.password === '') return tokenAuthenticator(user);
  return usernamePasswordAuthenticator(user, decodeURIComponent(url.password));
}
