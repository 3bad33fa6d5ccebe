import type { KeyObject } from 'node:crypto';
import type { TestContext } from 'node:test';
import WebSocket from 'ws';
import { openDataFolder } from '../../../relay/data-folder/data-folder.ts';
import {
  type CertificateAuthority,
  newTlsKey,
  readOrCreateAuthority,
} from '../../../relay/tls/certificate-authority.ts';
import { openRelayTls, type RelayTls } from '../../../relay/tls/open-tls.ts';
import { afterTest } from '../after-test.ts';
import { collectLog } from '../log.ts';
import { temporaryFolder } from '../temporary-folder.ts';

export const HOUR_MS = 60 * 60_000;
export const DAY_MS = 24 * HOUR_MS;

/** A key and a certificate, as a TLS client or server shows them; PEM. */
export type Identity = { key: string; cert: string };

/** A certificate authority in a folder of its own. */
export function newAuthority(t: TestContext): CertificateAuthority {
  const folder = openDataFolder(temporaryFolder(t), { log: collectLog() });
  afterTest(t, () => folder.close());
  return readOrCreateAuthority(folder, Date.now);
}

/** What a relay on this machine has for TLS. */
export function newRelayTls(t: TestContext): RelayTls {
  const log = collectLog();
  const folder = openDataFolder(temporaryFolder(t), { log });
  const tls = openRelayTls({ folder, place: { host: '127.0.0.1' }, now: Date.now, log });
  afterTest(t, () => {
    tls.close();
    folder.close();
  });
  return tls;
}

/** A node's key with a certificate for it. */
export function nodeIdentity(
  authority: CertificateAuthority,
  nodeId = 'attic-a',
  expiresAt = (Date.now() + HOUR_MS) / 1_000,
): Identity {
  const { publicKey, privateKey } = newTlsKey();
  const spki = publicKey.export({ type: 'spki', format: 'der' }).toString('base64url');
  return { key: pemOf(privateKey), cert: authority.issueNode({ nodeId, publicKey: spki, expiresAt }) };
}

/** A server's key with a certificate for this machine. */
export function serverIdentity(
  authority: CertificateAuthority,
  names: string[] = ['127.0.0.1'],
  { notBefore, notAfter } = { notBefore: Date.now() - HOUR_MS, notAfter: Date.now() + HOUR_MS },
): Identity {
  const { publicKey, privateKey } = newTlsKey();
  const cert = authority.issueServer({ names, publicKey, notBefore, notAfter });
  return { key: pemOf(privateKey), cert: `${cert}${authority.certificate}` };
}

function pemOf(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString();
}

/** What a WebSocket listener says to a client with this identity: its first words, or why it was refused. */
export function knock(url: string, authority: string, identity?: Identity): Promise<string> {
  return new Promise((resolve) => {
    const socket = new WebSocket(url, { ca: authority, ...identity });
    socket.once('message', (data) => {
      resolve(String(data));
      socket.terminate();
    });
    socket.once('error', (error) => resolve(error.message));
  });
}
