import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { NodeTls, ServerTrust } from '../../../shared/agent/relay-tls.ts';
import { IDENTITY, startScriptedAgent } from '../../support/nodes/scripted-agent.ts';
import { isProblem } from '../../support/problems.ts';
import type { Line } from '../../support/scripted-relay.ts';

const SOCKET = { socket: {} as WebSocket, drop: () => undefined };

type Opened = { url: string; certificate: string | undefined; authority: string | undefined };

/** A host whose TLS does what the test says. */
function scriptedTls(inspect: () => Promise<ServerTrust>): NodeTls & { opened: Opened[] } {
  const opened: Opened[] = [];
  return {
    opened,
    publicKey: 'A'.repeat(122),
    inspect,
    fetchTrusting: () => {
      throw new Error('no authority is to be trusted here');
    },
    openSocket: (url, { certificate, authority }) => {
      opened.push({ url, certificate, authority });
      return SOCKET;
    },
  };
}

const TRUSTED = async (): Promise<ServerTrust> => ({ isTrusted: true, authority: undefined });

function startTlsAgent(t: TestContext, tls: NodeTls) {
  return startScriptedAgent(t, { tls, relayUrl: 'https://relay.test', identity: IDENTITY });
}

function open(line: Line, url: string): void {
  line.options.openSocket?.(url);
}

test('a line without TLS is the host’s, too, which ends it without the goodbye of a peer that is gone', async (t) => {
  const tls = scriptedTls(TRUSTED);
  const { relay } = startScriptedAgent(t, { tls, relayUrl: 'http://relay.test', identity: IDENTITY });
  (await relay.enrolments.next()).accept({ expiresAt: 300 });
  const line = await relay.lines.next();
  line.accept();
  open(line, 'ws://relay.test/nats');
  assert.deepEqual(tls.opened, [{ url: 'ws://relay.test/nats', certificate: undefined, authority: undefined }]);
});

test('[L8] a node’s certificate is renewed with its credentials, and used from then on', async (t) => {
  const tls = scriptedTls(TRUSTED);
  const { relay, pass } = startTlsAgent(t, tls);
  const busUrl = 'wss://relay.test:8485';
  const first = await relay.enrolments.next();
  assert.equal(first.body.proof?.tlsKey, tls.publicKey);
  first.accept({ expiresAt: 300, certificate: 'first', authority: 'ours', busUrl });
  const line = await relay.lines.next();
  line.accept();
  assert.equal(line.options.directUrl, busUrl);
  open(line, busUrl);
  await pass(200_000);
  const second = await relay.enrolments.next();
  assert.equal(second.body.proof?.tlsKey, tls.publicKey);
  second.accept({ expiresAt: 600, certificate: 'second', authority: 'ours', busUrl });
  await pass(0);
  open(line, busUrl);
  assert.deepEqual(
    tls.opened.map(({ certificate, authority }) => [certificate, authority]),
    [
      ['first', 'ours'],
      ['second', 'ours'],
    ],
  );
});

test('[L5] where the system vouches for the relay, it does for the relay’s port too, and not for the listener', async (t) => {
  const tls = scriptedTls(TRUSTED);
  const { relay } = startTlsAgent(t, tls);
  const enrolment = await relay.enrolments.next();
  assert.equal(enrolment.body.proof?.authority, undefined);
  enrolment.accept({ certificate: 'mine', authority: 'ours', busUrl: 'wss://relay.test:8485' });
  const line = await relay.lines.next();
  line.accept();
  open(line, 'wss://relay.test/nats');
  open(line, 'wss://relay.test:8485/');
  open(line, 'ws://relay.test/nats');
  assert.deepEqual(tls.opened, [
    { url: 'wss://relay.test/nats', certificate: 'mine', authority: undefined },
    { url: 'wss://relay.test:8485/', certificate: 'mine', authority: 'ours' },
    { url: 'ws://relay.test/nats', certificate: undefined, authority: undefined },
  ]);
});

test('a relay whose TLS does not answer is tried again, and one that nobody vouches for ends the node', async (t) => {
  let answer = async (): Promise<ServerTrust> => {
    throw new Error('ECONNREFUSED');
  };
  const { agent, pass, log } = startTlsAgent(
    t,
    scriptedTls(() => answer()),
  );
  await pass(0);
  assert.match(log.lines.join('\n'), /relay\.test does not answer\. Is it running\?/);
  answer = async () => ({ isTrusted: false, authority: undefined });
  await pass(250);
  isProblem('relay_not_verified', /who vouches for https:\/\/relay\.test/)(await agent.ended);
});
