import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect, type MsgHdrs } from 'nats.ws';
import { connectBus } from '../../../../relay/fabric/bus/bus.ts';
import { loginOfCreds, sharedBus } from '../../../../relay/fabric/bus/bus-address.ts';
import { mintNodeCredentials } from '../../../../relay/fabric/bus/credentials.ts';
import { parseNatsUrl } from '../../../../relay/fabric/bus/nats-url.ts';
import { createNKey } from '../../../../relay/fabric/bus/nkey.ts';
import { LIMITS } from '../../../../shared/protocol/limits.ts';
import { startTestNats, type TestNats } from '../../../support/bus/nats.ts';
import { startChild } from '../../../support/child.ts';
import { collectLog } from '../../../support/log.ts';
import { until } from '../../../support/until.ts';

const NODE = new URL('../../../support/bus/nats-node.ts', import.meta.url);
const bytes = (text: string) => new TextEncoder().encode(text);
const text = (data: Uint8Array) => new TextDecoder().decode(data);

test('a request to a node that is not there fails at once, one to a silent node after its time', async (t) => {
  const nats = await startTestNats(t);
  const bus = await nats.connectBus();
  await assert.rejects(bus.request('node.attic-a.x', bytes(''), 60_000), { code: 'node_lost' });
  const attic = await nats.connectNode('attic-a');
  attic.subscribe('node.attic-a.>', { callback: () => {} });
  await attic.flush();
  await assert.rejects(bus.request('node.attic-a.x', bytes(''), 50), {
    code: 'node_lost',
    message: /did not answer within 50 ms/,
  });
});

test('a request that waits when the relay leaves the bus fails at once', async (t) => {
  const nats = await startTestNats(t);
  const bus = await nats.connectBus();
  const attic = await nats.connectNode('attic-a');
  attic.subscribe('node.attic-a.>', { callback: () => {} });
  await attic.flush();
  const refused = assert.rejects(bus.request('node.attic-a.x', bytes(''), 60_000), { code: 'bus_unavailable' });
  await bus.close();
  await refused;
});

test('an opened reply is told at once when nobody listens', async (t) => {
  const nats = await startTestNats(t);
  const bus = await nats.connectBus();
  for (const nodeId of ['attic-a', undefined]) {
    const told = Promise.withResolvers<string>();
    const reply = bus.openReply((_data, status) => told.resolve(status), nodeId);
    bus.publish('node.attic-a.llm.request', bytes(''), reply.subject);
    assert.equal(await told.promise, 'no-responders');
  }
});

test('answers find the one who asked, and a closed reply hears nothing', async (t) => {
  const nats = await startTestNats(t);
  const bus = await nats.connectBus();
  const attic = await nats.connectNode('attic-a');
  attic.subscribe('node.attic-a.>', { callback: (_error, message) => message.respond(message.data) });
  await attic.flush();
  const answers = await Promise.all(
    Array.from({ length: 100 }, async (_, i) => text(await bus.request('node.attic-a.x', bytes(`${i}`), 5_000))),
  );
  assert.deepEqual(
    answers,
    Array.from({ length: 100 }, (_, i) => `${i}`),
  );
  const closed = bus.openReply(() => assert.fail('a closed reply was called'), 'attic-a');
  closed.close();
  bus.publish('node.attic-a.x', bytes('late'), closed.subject);
  assert.equal(text(await bus.request('node.attic-a.x', bytes('after'), 5_000)), 'after');
});

test('an empty answer with headers that nobody could read in time is an answer, and is not read', async (t) => {
  const nats = await startTestNats(t);
  const bus = await nats.connectBus();
  const attic = await nats.connectNode('attic-a');
  const many = `NATS/1.0 503\r\n${Array.from({ length: 200_000 }, (_, i) => `h${i}:`).join('\r\n')}\r\n\r\n`;
  const malformed = 'NATS/1.0 503\r\na b: c\r\n\r\n';
  for (const headers of [many, malformed]) {
    const encoded = { encode: () => bytes(headers) } as unknown as MsgHdrs;
    const answering = attic.subscribe('node.attic-a.x', {
      callback: (_error, message) => message.respond(bytes(''), { headers: encoded }),
    });
    await attic.flush();
    assert.equal(text(await bus.request('node.attic-a.x', bytes(''), 5_000)), '');
    answering.unsubscribe();
  }
});

test('a handler that throws harms no other', async (t) => {
  const nats = await startTestNats(t);
  const bus = await nats.connectBus();
  const heard: string[] = [];
  bus.subscribe('fabric.x', () => {
    throw new Error('a bug');
  });
  bus.subscribe('fabric.x', (_subject, data) => heard.push(text(data)));
  bus.publish('fabric.x', bytes('1'));
  bus.publish('fabric.x', bytes('2'));
  await until(() => heard.length === 2);
  assert.equal(nats.log.lines.filter((line) => line === 'error a message from the bus could not be handled').length, 2);
});

test('a message that the server would cut the connection for is refused here', async (t) => {
  const nats = await startTestNats(t);
  const bus = await nats.connectBus();
  const tooLarge = new Uint8Array(LIMITS.maxMessageBytes + 1);
  assert.throws(() => bus.publish('fabric.x', tooLarge), { code: 'body_too_large' });
  const received = new Promise<number>((resolve) => {
    bus.subscribe('fabric.x', (_subject, data) => resolve(data.length));
  });
  bus.publish('fabric.x', tooLarge.subarray(1));
  assert.equal(await received, LIMITS.maxMessageBytes);
});

test('[W1] a message that its trace would make too large goes without it', async (t) => {
  const nats = await startTestNats(t);
  const bus = await nats.connectBus();
  const heard: [number, string | undefined][] = [];
  bus.subscribe('fabric.x', (_subject, data, _reply, trace) => heard.push([data.length, trace?.spanId]));
  const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;
  const sizes = [0, LIMITS.maxMessageBytes - 128, LIMITS.maxMessageBytes];
  for (const size of sizes) bus.publish('fabric.x', new Uint8Array(size), undefined, traceparent);
  const tooLarge = new Uint8Array(LIMITS.maxMessageBytes + 1);
  assert.throws(() => bus.publish('fabric.x', tooLarge, undefined, traceparent), { code: 'body_too_large' });
  await until(() => heard.length === sizes.length);
  const spanId = 'b'.repeat(16);
  assert.deepEqual(heard, [
    [0, spanId],
    [LIMITS.maxMessageBytes - 128, spanId],
    [LIMITS.maxMessageBytes, undefined],
  ]);
  assert.equal(bus.isConnected(), true);
});

test('a request that waits when the bus goes down fails at once', async (t) => {
  const nats = await startTestNats(t);
  const bus = await nats.connectBus();
  const attic = await nats.connectNode('attic-a', { reconnect: true });
  attic.subscribe('node.attic-a.>', { callback: () => {} });
  await attic.flush();
  const waiting = bus.request('node.attic-a.x', bytes(''), 60_000);
  process.kill(nats.server.pid, 'SIGKILL');
  await assert.rejects(waiting, { code: 'bus_unavailable' });
});

test('a bus that is closed takes nothing more, also when its server is gone', async (t) => {
  const nats = await startTestNats(t);
  const bus = await nats.connectBus();
  const other = await nats.connectBus();
  await bus.close();
  await bus.close();
  assert.equal(bus.isConnected(), false);
  assert.throws(() => bus.publish('fabric.x', bytes('')), { code: 'bus_unavailable' });
  process.kill(nats.server.pid, 'SIGSTOP');
  await other.close();
});

test('the relay hears of a killed node by its key, whatever name it gave itself', async (t) => {
  const nats = await startTestNats(t);
  const bus = await nats.connectBus();
  assert.equal(bus.hasNodeEvents, true);
  const came = new Promise<string>((resolve) => bus.onNodeConnect(resolve));
  const gone = new Promise<string>((resolve) => bus.onNodeDisconnect(resolve));
  const { child, publicKey } = await startNode(t, nats);
  assert.equal(await came, publicKey);
  await child.kill();
  assert.equal(await gone, publicKey);
});

test('the coming and going of the relay itself is none of a node', async (t) => {
  const nats = await startTestNats(t);
  const bus = await nats.connectBus();
  const told: string[] = [];
  bus.onNodeConnect((publicKey) => told.push(publicKey));
  bus.onNodeDisconnect((publicKey) => told.push(publicKey));
  const again = await nats.connectBus();
  await again.close();
  const node = await nats.connectNode('attic-a');
  await until(() => told.includes(node.publicKey));
  assert.deepEqual(told, [node.publicKey]);
});

test('a frozen node is noticed well within its lease', async (t) => {
  const nats = await startTestNats(t);
  const bus = await nats.connectBus();
  const gone = new Promise<string>((resolve) => bus.onNodeDisconnect(resolve));
  const { child, publicKey } = await startNode(t, nats);
  child.process.kill('SIGSTOP');
  const lease = setTimeout(() => assert.fail('the lease ran out first'), LIMITS.leaseMs);
  assert.equal(await gone, publicKey);
  clearTimeout(lease);
});

test('the end of an old connection does not take a node away that has come back', async (t) => {
  const nats = await startTestNats(t);
  const bus = await nats.connectBus();
  const events: string[] = [];
  bus.onNodeConnect(() => events.push('came'));
  bus.onNodeDisconnect(() => events.push('gone'));
  const key = createNKey('user');
  const first = await nats.connectNode('attic-a', { key });
  const second = await nats.connectNode('attic-a', { key });
  await until(() => events.length === 2);
  await first.close();
  const witness = await nats.connectNode('cellar-b');
  await until(() => events.length === 3);
  assert.deepEqual(events, ['came', 'came', 'came']);
  await second.close();
  await until(() => events.length === 4);
  assert.equal(events[3], 'gone');
  await witness.close();
});

test('a bus that is not there, or refuses the relay, is reported without its password', async (t) => {
  const nats = await startTestNats(t);
  const { host } = new URL(nats.server.url);
  const refused = sharedBus(parseNatsUrl(`nats://relay:secret@${host}`));
  await assert.rejects(connectBus({ ...refused, log: collectLog() }), (error: Error) => {
    assert.match(error.message, /refuses the relay's credentials/);
    assert.doesNotMatch(error.message, /secret/);
    return true;
  });
  for (const urls of ['http://host', 'nats://', 'nats://user:secret@', 'nats://a,ftp://b', 'tls://a']) {
    assert.throws(() => parseNatsUrl(urls), { code: 'invalid_option', message: /^(?!.*secret)/ });
  }
  assert.throws(() => loginOfCreds('/no/such.creds'), {
    code: 'invalid_option',
    message: /\/no\/such\.creds cannot be read/,
  });
});

async function startNode(t: Parameters<typeof startChild>[0], nats: TestNats) {
  const key = createNKey('user');
  const grant = { nodeId: 'attic-a', publicKey: key.publicKey, lifetimeSeconds: 60 };
  const { jwt } = mintNodeCredentials(nats.identity, grant);
  const child = startChild(t, NODE, [nats.server.websocketUrl, jwt, key.seed]);
  assert.equal(await child.next(), 'connected');
  return { child, publicKey: key.publicKey };
}

test('a node cannot have itself taken for another by giving the key of that one', async (t) => {
  const nats = await startTestNats(t);
  const bus = await nats.connectBus();
  const [own, other] = [createNKey('user'), createNKey('user')];
  const grant = { nodeId: 'attic-a', publicKey: own.publicKey, lifetimeSeconds: 600 };
  const { jwt } = mintNodeCredentials(nats.identity, grant);
  const came = new Promise<string>((resolve) => bus.onNodeConnect(resolve));
  const gone = new Promise<string>((resolve) => bus.onNodeDisconnect(resolve));
  const liar = await connect({
    servers: nats.server.websocketUrl,
    reconnect: false,
    authenticator: (nonce = '') => ({
      jwt,
      nkey: other.publicKey,
      sig: Buffer.from(own.sign(Buffer.from(nonce))).toString('base64'),
    }),
  });
  assert.equal(await came, own.publicKey);
  await liar.close();
  assert.equal(await gone, own.publicKey);
});
