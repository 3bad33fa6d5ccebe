import { createHash } from 'node:crypto';
import { LIMITS } from '../../../shared/protocol/limits.ts';
import type { BusIdentity } from '../bus/bus-identity.ts';
import { fabricAccountJwt, operatorJwt, type Revocations, systemAccountJwt } from '../bus/credentials.ts';

export type NatsConfigOptions = {
  identity: BusIdentity;
  /** Told to every client in the greeting; by it a server is recognised. */
  serverName: string;
  /** The folder the server keeps its accounts, its port list and its log in. */
  folder: string;
  ports: NatsPorts;
  /** Where nodes come in. */
  listener: BusListener;
  /** Unix seconds; of two tokens for one account a server keeps the younger. */
  issuedAt: number;
  revocations?: Revocations;
};

export type NatsPorts = { nats: number; websocket: number };

/** The WebSocket listener of the relay's own server. */
export type BusListener = {
  /** An address of this machine. */
  host: string;
  /** -1 lets the operating system choose. */
  port: number;
  /** Whether another port will do when this one is taken. */
  isPortNegotiable: boolean;
  /** With it nobody gets in without a certificate of this authority. PEM files. */
  tls?: { certificate: string; authority: string } | undefined;
};

/** For this machine alone. */
export const LOCAL_LISTENER: BusListener = { host: '127.0.0.1', port: -1, isPortNegotiable: true };

const LOG_SIZE_BYTES = 10 * 1024 * 1024;
const LOG_FILES = 3;

/** A slow machine may need this long for a handshake, and nobody else may hold a connection open without one. */
const HANDSHAKE_TIMEOUT_S = 5;
/** With TLS and without; the server's own has no limit. */
const HANDSHAKE_LIMIT = `handshake_timeout: "${HANDSHAKE_TIMEOUT_S}s"`;

/** The configuration of the relay's own nats-server: nobody without a token, and TCP on this machine alone. */
export function renderNatsConfig(options: NatsConfigOptions): string {
  const { folder } = options;
  return `${renderHead(options)}
host: "127.0.0.1"
port: ${options.ports.nats}
ports_file_dir: ${quote(`${folder}/ports`)}
${renderListener(options)}
log_file: ${quote(natsLogFile(folder))}
logfile_size_limit: ${LOG_SIZE_BYTES}
logfile_max_num: ${LOG_FILES}
${renderLimits()}
${renderAccounts(options, `${folder}/accounts`)}`;
}

/**
 * A configuration for a server that somebody else runs and that this relay's tokens open. Its owner adds TLS, a
 * cluster and the addresses to listen on.
 */
export function exportNatsConfig(identity: BusIdentity, issuedAt: number): string {
  return `# For nats-server 2.10 or newer. Contains no secrets.
port: 4222
# Nodes come in here; behind a proxy that ends TLS, or with a tls block instead of no_tls.
websocket { port: 8443, ${HANDSHAKE_LIMIT}, no_tls: true }
${renderLimits()}
${renderAccounts({ identity, issuedAt }, './accounts')}`;
}

export function natsLogFile(folder: string): string {
  return `${folder}/nats-server.log`;
}

export type DigestOptions = Pick<NatsConfigOptions, 'identity' | 'folder' | 'listener'> & { version: string };

/** Changes whenever a server that was started with an earlier version of this program would behave otherwise. */
export function natsConfigDigest(options: DigestOptions): string {
  const { port, isPortNegotiable } = options.listener;
  const ports = { nats: -1, websocket: isPortNegotiable ? -1 : port };
  const text = renderNatsConfig({ ...options, ports, serverName: '', issuedAt: 0 });
  return createHash('sha256').update(options.version).update(text).digest('hex');
}

function renderHead(options: NatsConfigOptions): string {
  return `# Written by the relay at every start.\nserver_name: ${quote(options.serverName)}`;
}

function renderListener({ listener, ports }: NatsConfigOptions): string {
  const { host, tls } = listener;
  const security =
    tls === undefined
      ? 'no_tls: true'
      : `tls { cert_file: ${quote(tls.certificate)}, key_file: ${quote(tls.certificate)}, ca_file: ${quote(tls.authority)}, verify: true, timeout: ${HANDSHAKE_TIMEOUT_S} }`;
  return `websocket { host: ${quote(host)}, port: ${ports.websocket}, compression: false, ${HANDSHAKE_LIMIT}, ${security} }`;
}

function renderLimits(): string {
  // A frozen node is noticed after three unanswered pings, about 6 s: well within its lease.
  return `max_payload: ${LIMITS.maxMessageBytes}
max_pending: 64MB
write_deadline: "10s"
ping_interval: "2s"
ping_max: 2`;
}

function renderAccounts(
  options: Pick<NatsConfigOptions, 'identity' | 'issuedAt' | 'revocations'>,
  folder: string,
): string {
  const { identity, issuedAt } = options;
  return `operator: ${operatorJwt(identity, issuedAt)}
system_account: ${identity.system.publicKey}
resolver: { type: full, dir: ${quote(folder)}, allow_delete: true, interval: "2m" }
resolver_preload: {
  ${identity.system.publicKey}: ${systemAccountJwt(identity, issuedAt)}
  ${identity.fabric.publicKey}: ${fabricAccountJwt(identity, issuedAt, options.revocations)}
}
`;
}

function quote(text: string): string {
  // The server reads backslashes as escapes, and takes forward slashes on Windows too.
  return `"${text.replaceAll('\\', '/').replaceAll('"', '\\"')}"`;
}
