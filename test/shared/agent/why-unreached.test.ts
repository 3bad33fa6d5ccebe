/** A mistyped address is told by what is wrong with it. Real sockets, TLS and fetch, as a node has them. */
import assert from 'node:assert/strict';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { createNodeTls } from '../../../main/headless/node-tls.ts';
import { connectToBus } from '../../../shared/agent/nats-connection.ts';
import { pinsInMemory } from '../../../shared/agent/relay-conversation.ts';
import { postToRelay } from '../../../shared/agent/relay-http.ts';
import { openDoor } from '../../../shared/agent/relay-tls.ts';
import { whyUnreached } from '../../../shared/agent/why-unreached.ts';
import { signerOfSeed } from '../../../shared/identity/signer.ts';
import { Problem } from '../../../shared/problems/problem.ts';
import { HOUR_MS, type Identity, newAuthority, serverIdentity } from '../../support/network/tls.ts';
import { IDENTITY } from '../../support/nodes/scripted-agent.ts';
import { startTestPool } from '../../support/pool.ts';

async function listen(t: TestContext, answer: RequestListener): Promise<string> {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => void server.close().closeAllConnections());
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Where somebody listened a moment ago, and nobody does. */
async function freeAddress(): Promise<string> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return `127.0.0.1:${port}`;
}

/** What a node is told that asks this address: by TLS first looks whom to believe. */
async function told(relayUrl: string): Promise<string> {
  const { signal } = new AbortController();
  const node = {
    relayUrl,
    fetch,
    signal,
    signer: await signerOfSeed(IDENTITY.seed),
    name: 'attic',
    pins: pinsInMemory(),
    tls: createNodeTls(),
  };
  try {
    const door = await openDoor(node, undefined);
    await postToRelay({ ...node, fetch: door.fetch }, '/v1/nodes/challenge', {}, () => assert.fail('it answered'));
  } catch (error) {
    assert.ok(error instanceof Problem);
    assert.equal(error.code, 'relay_unreachable');
    return error.message;
  }
  return assert.fail('it was reached');
}

for (const scheme of ['http', 'https']) {
  test(`says over ${scheme} that a name is none, and that nothing listens at a port`, async () => {
    const name = await told(`${scheme}://relay.invalid:8484`);
    assert.match(name, /^(There is no machine by the name of|The name) relay\.invalid .*\(E[A-Z_]+\)/);
    const host = await freeAddress();
    const refused = await told(`${scheme}://${host}`);
    const sentence = `Nothing listens at ${host} (ECONNREFUSED). Is the relay of ${scheme}://${host} running, and on this port?`;
    assert.equal(refused, sentence);
  });
}

test('names the other scheme where TLS meets none, and the other way round', async (t) => {
  const plain = await listen(t, (_, response) => response.end());
  const noTls = await told(`https://${plain}`);
  assert.match(noTls, /speaks no TLS \(\w+\)\. Use http:\/\/127\.0\.0\.1:\d+, if it is the relay\.$/);
  const pool = await startTestPool(t, { tls: {} });
  const { host } = new URL(pool.relay.url);
  assert.match(
    await told(`http://${host}`),
    /hung up \(\w+\)\. Is it running\? If it speaks TLS, use https:\/\/[^ ]+\.$/,
  );
});

test('knows what is no relay by its answer, be it a page, an error or a way elsewhere', async (t) => {
  const page = await listen(t, (_, response) => response.setHeader('content-type', 'text/html').end('<h1>Router</h1>'));
  assert.match(
    await told(`http://${page}`),
    /answered with status 200, not as a Sparewatt relay does\. Look at its address/,
  );
  const error = await listen(t, (_, response) => response.writeHead(404).end('not here'));
  assert.match(await told(`http://${error}`), /answered with status 404, not as a Sparewatt relay does\./);
  const moved = await listen(t, (_, response) => response.writeHead(301, { location: 'https://elsewhere.test' }).end());
  assert.match(
    await told(`http://${moved}`),
    /sends elsewhere, which is not followed\. Use the address that it leads to/,
  );
});

test('says of a line that does not come up whether it is for the certificate, its days, or what the relay answered', async (t) => {
  const authority = newAuthority(t);
  const lineTo = async (shown: Identity, trusted = authority.certificate): Promise<string> => {
    const server = createTlsServer(shown, (_, response) => response.writeHead(503).end());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    t.after(() => void server.close().closeAllConnections());
    const url = `wss://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const failed = Promise.withResolvers<Error>();
    const key = await signerOfSeed(IDENTITY.seed);
    const options = {
      url,
      directUrl: `ws://${await freeAddress()}`,
      nodeId: 'attic-a',
      inboxPrefix: '_INBOX_attic',
      key,
    };
    const connecting = connectToBus({
      ...{ ...options, jwt: () => 'a.b.c', signal: new AbortController().signal },
      openSocket: (to) => (to.startsWith('wss:') ? createNodeTls().openSocket(to, { authority: trusted }) : undefined),
      ...{ onDown: () => undefined, onUp: () => undefined, onFailed: failed.resolve },
    });
    await assert.rejects(connecting);
    return whyUnreached(url.replace('wss', 'https'), await failed.promise);
  };
  assert.match(
    await lineTo(serverIdentity(newAuthority(t))),
    /^This machine does not know who vouches for .*pair this node anew/,
  );
  const [notBefore, notAfter] = [Date.now() - 2 * HOUR_MS, Date.now() - HOUR_MS];
  assert.match(
    await lineTo(serverIdentity(authority, ['127.0.0.1'], { notBefore, notAfter })),
    /does not count today \(CERT_HAS_EXPIRED\)\. Its operator has to renew it/,
  );
  assert.match(await lineTo(serverIdentity(authority)), /does not let this node in now \(status 503\)\.$/);
});

test('says what else the system says, and asks only whether it runs where nothing is known', () => {
  const said = (url: string, code: string): string =>
    whyUnreached(url, new TypeError('fetch failed', { cause: Object.assign(new Error('x'), { code }) }));
  assert.match(said('http://10.9.9.9', 'EHOSTUNREACH'), /^This machine has no way to 10\.9\.9\.9 \(EHOSTUNREACH\)/);
  assert.match(said('http://relay.test', 'EAI_AGAIN'), /^The name relay\.test cannot be looked up now/);
  assert.match(said('https://relay.test', 'ERR_TLS_CERT_ALTNAME_INVALID'), /is for other names .* --tls-name\.$/);
  const barred = new TypeError('fetch failed', { cause: new Error('bad port') });
  assert.match(whyUnreached('http://relay.test:6000', barred), /^Port 6000 belongs to another protocol/);
  const bare = whyUnreached('https://relay.test', new TypeError('Failed to fetch'));
  assert.equal(bare, 'The relay at https://relay.test does not answer. Is it running?');
});
