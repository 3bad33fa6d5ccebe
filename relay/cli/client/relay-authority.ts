import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import tls from 'node:tls';
import { relayFolder } from '../../config/folders.ts';

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
