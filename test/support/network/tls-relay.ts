import { readFileSync } from 'node:fs';
import { request as ask, createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { fetchTrusting } from '../../../main/headless/fetch-trusting.ts';
import { createNodeTls } from '../../../main/headless/node-tls.ts';
import type { RelayOptions } from '../../../relay/relay-options.ts';
import type { NodeTls } from '../../../shared/agent/relay-tls.ts';
import type { PairingCode } from '../../../shared/api/pairing.ts';
import { afterTest } from '../after-test.ts';
import { type Pool, startTestPool } from '../pool.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import type { Identity } from './tls.ts';

/** An address of this machine at which a relay takes it for another one. */
export const LAN = Object.values(networkInterfaces())
  .flat()
  .find((address) => address?.family === 'IPv4' && !address.internal)?.address;

export const needsLan = { skip: LAN === undefined ? 'this machine has no address but loopback' : false };

export type TlsRelay = {
  pool: Pool;
  url: string;
  /** PEM. */
  authority: string;
  /** A fetch of whoever trusts the relay. */
  fetch: typeof globalThis.fetch;
  makeCode(): Promise<PairingCode>;
};

/** A relay with TLS that other machines reach; it is closed when the test ends. */
export async function startTlsRelay(t: TestContext, options: Partial<RelayOptions> = {}): Promise<TlsRelay> {
  const dataFolder = temporaryFolder(t);
  const announce = { when: false };
  const pool = await startTestPool(t, { host: LAN ?? '127.0.0.1', tls: {}, announce, dataFolder, ...options });
  const authority = readFileSync(join(dataFolder, 'tls', 'ca.pem'), 'utf8');
  const fetch = fetchTrusting(authority);
  return {
    pool,
    url: pool.relay.url,
    authority,
    fetch,
    makeCode: () => makeTlsCode(fetch, pool.relay.url, pool.relay.adminToken),
  };
}

export async function makeTlsCode(
  fetch: typeof globalThis.fetch,
  url: string,
  adminToken: string,
): Promise<PairingCode> {
  const headers = { authorization: `Bearer ${adminToken}`, 'content-type': 'application/json' };
  const response = await fetch(`${url}/v1/admin/pairing-codes`, { method: 'POST', headers, body: '{}' });
  return (await response.json()) as PairingCode;
}

/** Asks for one answer and tells which node gave it. */
export async function askForNode(fetch: typeof globalThis.fetch, url: string, apiKey: string): Promise<string | null> {
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'test/noop', messages: [{ role: 'user', content: 'x' }] }),
  });
  return response.headers.get('x-sparewatt-node');
}

export type WatchedTls = NodeTls & {
  readonly lines: { url: string; certificate: string | undefined; authority: string | undefined }[];
};

/** A node's real TLS, of which is written down what lines it opened with what. */
export function watchedTls(): WatchedTls {
  const tls = createNodeTls();
  const lines: WatchedTls['lines'] = [];
  return {
    ...tls,
    lines,
    openSocket: (url, { certificate, authority }) => {
      lines.push({ url, certificate, authority });
      return tls.openSocket(url, { certificate, authority });
    },
  };
}

/** Somebody between a node and its relay who ends the node's TLS and passes on what is said, perhaps changed. */
export type MiddleMan = { url: string; readonly heard: { path: string; authorization: string | undefined }[] };

export async function startMiddleMan(
  t: TestContext,
  identity: Identity,
  relay: TlsRelay,
  change: (text: string) => string = (text) => text,
): Promise<MiddleMan> {
  const heard: MiddleMan['heard'] = [];
  const server = createServer(identity, async (request, response) => {
    const { url: path = '', method, headers } = request;
    heard.push({ path, authorization: headers.authorization });
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    const body = change(Buffer.concat(chunks).toString());
    const sent = { ...headers, 'content-length': Buffer.byteLength(body) };
    const onward = ask(`${relay.url}${path}`, { method, headers: sent, ca: relay.authority }, (answer) => {
      response.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(response);
    });
    onward.on('error', () => response.destroy());
    onward.end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, LAN, resolve));
  afterTest(t, () => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `https://${LAN}:${(server.address() as AddressInfo).port}`, heard };
}
