import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { type TestContext, test } from 'node:test';
import type { TLSSocket } from 'node:tls';
import WebSocket from 'ws';
import { fabricAccountJwt, mintNodeCredentials } from '../../../../relay/fabric/bus/credentials.ts';
import { createNKey, type NKey } from '../../../../relay/fabric/bus/nkey.ts';
import { type BusConnection, connectToBus } from '../../../../shared/agent/nats-connection.ts';
import { signerOfSeed } from '../../../../shared/identity/signer.ts';
import { afterTest } from '../../../support/after-test.ts';
import { startTestNats, type TestNats } from '../../../support/bus/nats.ts';
import {
  type Identity,
  knock,
  newAuthority,
  newRelayTls,
  nodeIdentity,
  serverIdentity,
} from '../../../support/network/tls.ts';
import { isProblem } from '../../../support/problems.ts';
import { until } from '../../../support/until.ts';

async function startTlsNats(t: TestContext, revocations: Record<string, number> = {}) {
  const tls = newRelayTls(t);
  const listener = { host: '127.0.0.1', port: -1, isPortNegotiable: true, tls: tls.files };
  const nats = await startTestNats(t, { listener, revocations: () => revocations });
  return { nats, tls, authority: tls.authority, url: nats.server.websocketUrl };
}

type NodeLine = { key: NKey; identity: Identity; authority: string };

async function connectNode(t: TestContext, nats: TestNats, { key, identity, authority }: NodeLine) {
  const grant = { nodeId: 'attic-a', publicKey: key.publicKey, lifetimeSeconds: 600 };
  const { jwt } = mintNodeCredentials(nats.identity, grant);
  const seen = { down: 0 };
  const line: BusConnection = await connectToBus({
    url: nats.server.websocketUrl,
    nodeId: 'attic-a',
    inboxPrefix: '_INBOX_attic-a',
    jwt: () => jwt,
    key: await signerOfSeed(new TextEncoder().encode(key.seed)),
    openSocket: (url) => {
      const socket = new WebSocket(url, { ca: authority, ...identity });
      socket.on('error', () => undefined);
      return { socket: socket as unknown as globalThis.WebSocket, drop: () => socket.terminate() };
    },
    signal: AbortSignal.timeout(20_000),
    onDown: () => {
      seen.down += 1;
    },
    onUp: () => undefined,
  });
  afterTest(t, () => line.close());
  return Object.assign(line, { seen });
}

test('[L2] the listener refuses in the handshake who shows no certificate, or one that is no node’s of this relay', async (t) => {
  const { authority, url, nats } = await startTlsNats(t);
  assert.match(url, /^wss:/);
  const trusted = authority.certificate;
  assert.match(await knock(url, trusted, nodeIdentity(authority)), /^INFO \{/);
  assert.match(await knock(url, trusted), /certificate required|bad certificate|socket hang up|ECONNRESET/);
  const stranger = nodeIdentity(newAuthority(t));
  assert.match(await knock(url, trusted, stranger), /unknown ca|unknown certificate authority|alert|ECONNRESET/i);
  const expired = nodeIdentity(authority, 'attic-a', Date.now() / 1_000 - 1);
  assert.match(await knock(url, trusted, expired), /expired|alert|ECONNRESET/i);
  assert.match(await knock(url, trusted, serverIdentity(authority)), /alert|ECONNRESET/i);
  // It is the handshake that failed: the server has never heard a request.
  const log = await readLog(nats);
  assert.equal(log.match(/TLS handshake error/g)?.length, 4, log);
});

test('[L2] the listener speaks nothing but TLS', async (t) => {
  const { url } = await startTlsNats(t);
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  socket.end('GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n');
  let said = '';
  for await (const chunk of socket) said += String(chunk);
  assert.doesNotMatch(said, /101|INFO/);
});

test('[L4] a certificate does not let in whose credentials are void, and a revocation outlasts a renewal', async (t) => {
  const revocations: Record<string, number> = {};
  const { nats, authority } = await startTlsNats(t, revocations);
  const bus = await nats.connectBus();
  const node = { key: createNKey('user'), identity: nodeIdentity(authority), authority: authority.certificate };
  const line = await connectNode(t, nats, node);
  const now = Math.floor(Date.now() / 1_000) + 1;
  revocations[node.key.publicKey] = now;
  await bus.updateAccount(fabricAccountJwt(nats.identity, now, revocations));
  await line.closed;
  const isRefused = isProblem('relay_unreachable', /does not let this node in/);
  await assert.rejects(connectNode(t, nats, node), isRefused);
  await nats.server.reload();
  await assert.rejects(connectNode(t, nats, node), isRefused);
  assert.match(await knock(nats.server.websocketUrl, authority.certificate, node.identity), /^INFO/, 'TLS lets it in');
});

test('[L7] the listener takes a new certificate, and no connection ends by it', async (t) => {
  const { nats, tls, authority, url } = await startTlsNats(t);
  const bus = await nats.connectBus();
  const identity = nodeIdentity(authority);
  const line = await connectNode(t, nats, { key: createNKey('user'), identity, authority: authority.certificate });
  const before = await serverSerial(url, authority.certificate, identity);
  const renewed = serverIdentity(authority);
  writeFileSync(tls.files.certificate, `${renewed.key}${renewed.cert}`);
  assert.equal(await serverSerial(url, authority.certificate, identity), before);
  await nats.server.reload();
  assert.equal(
    await serverSerial(url, authority.certificate, identity),
    new X509Certificate(renewed.cert).serialNumber,
  );
  line.subscribe('node.attic-a.>', ({ reply = '', data }) => line.publish(reply, data));
  await line.flush();
  assert.equal(String(Buffer.from(await bus.request('node.attic-a.x', Buffer.from('here'), 5_000))), 'here');
  assert.equal(line.seen.down, 0);
});

test('a certificate that the server cannot read is reported, and the old one goes on', async (t) => {
  const { nats, tls, authority, url } = await startTlsNats(t);
  writeFileSync(tls.files.certificate, 'nonsense');
  await assert.rejects(nats.server.reload(), isProblem('nats_server_failed', /did not take its new certificate/));
  assert.match(await knock(url, authority.certificate, nodeIdentity(authority)), /^INFO/);
});

/** Which certificate the server shows now. */
function serverSerial(url: string, ca: string, identity: Identity): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url, { ca, ...identity });
    socket.once('upgrade', ({ socket: raw }) => {
      resolve((raw as TLSSocket).getPeerX509Certificate()?.serialNumber ?? 'none');
      socket.terminate();
    });
    socket.once('error', reject);
  });
}

async function readLog(nats: TestNats): Promise<string> {
  const { readFileSync } = await import('node:fs');
  const read = (): string => readFileSync(nats.folder.file('nats', 'nats-server.log'), 'utf8');
  await until(() => (read().match(/TLS handshake error/g) ?? []).length >= 4);
  return read();
}
