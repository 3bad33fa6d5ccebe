import { once } from 'node:events';
import { connect, type DetailedPeerCertificate, type TLSSocket } from 'node:tls';
import type { ServerTrust } from '../../shared/agent/relay-tls.ts';

const INSPECT_TIMEOUT_MS = 10_000;
/** A chain of any relay is shorter; one that never ends is an attack. */
const CHAIN_MOST = 10;

/** Looks who vouches for the server at an HTTPS address. Rejects when it does not answer, or not within 10 s. */
export async function inspectServer(url: string, signal: AbortSignal): Promise<ServerTrust> {
  signal.throwIfAborted();
  const { hostname, port } = new URL(url);
  const host = hostname.replace(/^\[|\]$/g, '');
  // Nothing is sent over this connection; it only shows whom to believe.
  const socket = connect({
    host,
    port: Number(port || 443),
    servername: serverNameOf(host),
    rejectUnauthorized: false,
  });
  const timer = setTimeout(() => socket.destroy(new Error('timeout')), INSPECT_TIMEOUT_MS);
  try {
    await once(socket, 'secureConnect', { signal });
    return { isTrusted: socket.authorized, authority: authorityOf(socket) };
  } finally {
    clearTimeout(timer);
    socket.destroy();
  }
}

/** The last certificate of the chain, if it vouches for itself. */
function authorityOf(socket: TLSSocket): string | undefined {
  let certificate: DetailedPeerCertificate = socket.getPeerCertificate(true);
  for (let length = 1; length < CHAIN_MOST; length++) {
    const { issuerCertificate, raw } = certificate;
    if (raw === undefined || issuerCertificate === undefined) return undefined;
    if (issuerCertificate.raw.equals(raw)) return toPem(raw);
    certificate = issuerCertificate;
  }
  return undefined;
}

/** An IP address is no name to ask for (RFC 6066, 3). */
function serverNameOf(host: string): string {
  return /^[\d.]+$/.test(host) || host.includes(':') ? '' : host;
}

function toPem(der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}
