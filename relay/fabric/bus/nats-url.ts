import { type Authenticator, tokenAuthenticator, usernamePasswordAuthenticator } from '@nats-io/transport-node';
import { Problem } from '../../../shared/problems/problem.ts';

export type NatsAddress = { readonly host: string; readonly port: number };

/** The servers of a cluster, and what its address says of whom to enter it as. */
export type NatsUrl = {
  readonly servers: readonly NatsAddress[];
  readonly login: Authenticator | undefined;
  /** The address without its login. */
  readonly shown: string;
};

const DEFAULT_PORT = 4_222;

/**
 * Reads one or more `nats://host:port`, separated by commas, with `user:password@` or `token@` where needed. Throws
 * `invalid_option`, which repeats nothing of the text: it may hold a password.
 */
export function parseNatsUrl(text: string): NatsUrl {
  const urls = text.split(',').map((part) => parseOne(part.trim()));
  const withLogin = urls.find((url) => url.username !== '');
  const servers = urls.map((url) => ({ host: url.hostname, port: Number(url.port || DEFAULT_PORT) }));
  return {
    servers,
    shown: servers.map((server) => `nats://${hostAndPort(server)}`).join(','),
    login: withLogin && loginIn(withLogin),
  };
}

export function hostAndPort({ host, port }: NatsAddress): string {
  return `${host}:${port}`;
}

function parseOne(text: string): URL {
  const url = URL.parse(text.includes('://') ? text : `nats://${text}`);
  if (url?.protocol === 'nats:' && url.host !== '') return url;
  throw new Problem('invalid_option', 'The address of a NATS server must look like nats://host:4222.');
}

function loginIn(url: URL): Authenticator {
  const user = decodeURIComponent(url.username);
  if (url.password === '') return tokenAuthenticator(user);
  return usernamePasswordAuthenticator(user, decodeURIComponent(url.password));
}
