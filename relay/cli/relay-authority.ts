import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import tls from 'node:tls';
import { Problem } from '../../shared/problems/problem.ts';
import { relayFolder } from './local-relay.ts';
import { COMMAND, COMMAND_ELSEWHERE } from './own-command.ts';

/** Where the relay that keeps its data here leaves the certificate of its authority, once it has spoken TLS. */
export function authorityFile(dataFolder: string): string {
  return join(relayFolder(dataFolder), 'tls', 'ca.pem');
}

/**
 * Lets this process believe the authority of the relay in the data folder, beside those of the system; a command asks
 * its relay and nobody else. Where Node is too old for it (before 24.5), NODE_EXTRA_CA_CERTS does the same.
 */
export function trustRelayOf(dataFolder: string): void {
  const file = authorityFile(dataFolder);
  if (!existsSync(file) || typeof tls.setDefaultCACertificates !== 'function') return;
  tls.setDefaultCACertificates([...tls.getCACertificates('default'), readFileSync(file, 'utf8')]);
}

/** Why a request did not reach the relay: nobody is there, or nobody whom this machine knows vouches for it. */
export function noAnswer(relayUrl: string, cause: unknown): Problem {
  const reason = cause instanceof Error && cause.cause instanceof Error ? cause.cause : undefined;
  const code = reason !== undefined && 'code' in reason ? String(reason.code) : '';
  if (/CERT|VERIFY|ALTNAME/.test(code)) {
    return new Problem(
      'relay_not_verified',
      `The certificate of ${relayUrl} cannot be verified (${code}). Copy what "${COMMAND_ELSEWHERE} ca" names on the relay's machine to here, and set NODE_EXTRA_CA_CERTS to it.`,
      { cause },
    );
  }
  return new Problem('relay_unreachable', `No relay answers at ${relayUrl}. Start one with: ${COMMAND} relay`, {
    cause,
  });
}
