import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { createNKey } from '../../../relay/fabric/bus/nkey.ts';
import { openNodeRegister } from '../../../relay/pairing/node-register.ts';
import { createPairing, type Pairing } from '../../../relay/pairing/pairing.ts';
import { openSqliteStore } from '../../../relay/store/sqlite/open-sqlite-store.ts';
import { codeSecretsOf } from '../../../shared/identity/pairing-code.ts';
import { nodeStatement, proveCode } from '../../../shared/identity/pairing-transcript.ts';
import type { Problem } from '../../../shared/problems/problem.ts';
import { bytesToBase64Url } from '../../../shared/protocol/base64.ts';
import { afterTest } from '../../support/after-test.ts';
import { isProblem } from '../../support/problems.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const T0 = 1_790_000_000_000;

async function setUp(t: TestContext) {
  const clock = { now: T0 };
  const store = await openSqliteStore({ file: join(temporaryFolder(t), 'x.sqlite') });
  const lines: string[] = [];
  const line = (fields: Record<string, unknown>, message: string) =>
    void lines.push(JSON.stringify({ message, ...fields }));
  const log = { debug: line, info: line, warn: line, error: line };
  const now = () => clock.now;
  const register = await openNodeRegister({ store: store.pairing, log, now });
  afterTest(t, async () => {
    await register.close();
    await store.close();
  });
  const pairing = createPairing({
    store: store.pairing,
    register,
    identity: createNKey('server'),
    rules: { open: false, approve: false },
    busPath: '/nats',
    mintNodeCredentials: () => ({ jwt: 'jwt', expiresAt: 1 }),
    now,
    randomBytes,
    log,
  });
  return { clock, pairing, register, lines };
}

async function complete(pairing: Pairing, code: string, address = '203.0.113.1', key = createNKey('user')) {
  const nonce = bytesToBase64Url(randomBytes(32));
  const { challenge } = pairing.challenge({ publicKey: key.publicKey, name: 'attic', nonce });
  const { id, secret } = await codeSecretsOf(code);
  const statement = nodeStatement({
    protocol: 1,
    purpose: 'pair',
    relay: 'http://relay',
    relayKey: pairing.relayKey,
    nodeKey: key.publicKey,
    nodeName: 'attic',
    nodeNonce: nonce,
    challenge,
    codeId: id,
  });
  const proof = { relay: 'http://relay', nonce, challenge, signature: bytesToBase64Url(key.sign(statement)) };
  const body = {
    publicKey: key.publicKey,
    name: 'attic',
    proof,
    code: { id, proof: await proveCode(secret, statement) },
  };
  return pairing.complete(body, { address, trust: undefined });
}

const order = { labels: {}, relayUrl: 'http://relay' };

test('[P5] [P6] a code is good for ten minutes and not a millisecond longer', async (t) => {
  const { clock, pairing } = await setUp(t);
  const early = await pairing.createCode(order);
  const late = await pairing.createCode(order);
  assert.equal(early.expiresAt, T0 + 600_000);
  clock.now = T0 + 599_999;
  assert.equal((await complete(pairing, early.code)).state, 'active');
  clock.now = T0 + 600_000;
  await assert.rejects(complete(pairing, late.code), isProblem('pairing_code_expired', /Ask for a new one/));
});

test('[P6] [P7] a used code stays used when it expires, and is forgotten a day later', async (t) => {
  const { clock, pairing } = await setUp(t);
  const { code } = await pairing.createCode(order);
  const key = createNKey('user');
  await complete(pairing, code, '203.0.113.1', key);
  clock.now = T0 + 700_000;
  await assert.rejects(complete(pairing, code), isProblem('pairing_code_used', /Another node/));
  await assert.rejects(complete(pairing, code, '203.0.113.1', key), isProblem('pairing_code_expired', /./));
  clock.now = T0 + 25 * 3_600_000;
  await pairing.createCode(order);
  await assert.rejects(complete(pairing, code), isProblem('pairing_code_invalid', /./));
});

test('[P8] ten guesses may be made at once, then one every six seconds', async (t) => {
  const { clock, pairing } = await setUp(t);
  const guess = () => complete(pairing, 'AAAA-BBBB-CCCC');
  for (let i = 0; i < 10; i += 1) await assert.rejects(guess(), isProblem('pairing_code_invalid', /./));
  await assert.rejects(guess(), isProblem('too_many_attempts', /6 s/));
  clock.now += 6_000;
  await assert.rejects(guess(), isProblem('pairing_code_invalid', /./));
  await assert.rejects(guess(), isProblem('too_many_attempts', /./));
});

test('[P8] guesses sent all at once are no more than guesses in turn', async (t) => {
  const { pairing } = await setUp(t);
  const guesses = await Promise.allSettled(Array.from({ length: 40 }, () => complete(pairing, 'AAAA-BBBB-CCCC')));
  const codes = guesses.map((guess) => guess.status === 'rejected' && (guess.reason as Problem).code);
  assert.equal(codes.filter((code) => code === 'pairing_code_invalid').length, 10);
  assert.equal(codes.filter((code) => code === 'too_many_attempts').length, 30);
});

test('[P8] guesses from everywhere are one a second in the end', async (t) => {
  const { clock, pairing } = await setUp(t);
  const guessFrom = (i: number) => complete(pairing, 'AAAA-BBBB-CCCC', `10.0.${i >> 8}.${i & 255}`);
  for (let i = 0; i < 100; i += 1) await assert.rejects(guessFrom(i), isProblem('pairing_code_invalid', /./));
  await assert.rejects(guessFrom(200), isProblem('too_many_attempts', /1 s/));
  clock.now += 1_000;
  await assert.rejects(guessFrom(201), isProblem('pairing_code_invalid', /./));
});

test('[P8] nodes that pair rightly use up nothing', async (t) => {
  const { pairing } = await setUp(t);
  for (let i = 0; i < 30; i += 1) await complete(pairing, (await pairing.createCode(order)).code);
});

test('neither code nor secret nor token is logged', async (t) => {
  const { pairing, lines } = await setUp(t);
  const { code } = await pairing.createCode(order);
  const { secret } = await codeSecretsOf(code);
  await complete(pairing, code);
  assert.ok(lines.length > 0);
  assert.doesNotMatch(lines.join('\n'), new RegExp(`${code}|${secret}|jwt`));
});

test('[P12] a revocation is told to the bus as long as a token could live, and forgotten after', async (t) => {
  const { clock, pairing, register } = await setUp(t);
  const key = createNKey('user');
  const { nodeId } = await complete(pairing, (await pairing.createCode(order)).code, '203.0.113.1', key);
  await register.revoke(nodeId, clock.now);
  assert.deepEqual(register.revocations(), { [key.publicKey]: T0 / 1_000 });
  await register.approve(nodeId);
  assert.deepEqual(register.revocations(), { [key.publicKey]: T0 / 1_000 });
  clock.now += 8 * 24 * 3_600_000;
  assert.deepEqual(register.revocations(), {});
});

test('[P12] a node that is revoked while it pairs does not get in', async (t) => {
  const { clock, pairing, register } = await setUp(t);
  const key = createNKey('user');
  const { nodeId } = await complete(pairing, (await pairing.createCode(order)).code, '203.0.113.1', key);
  const known = register.get(nodeId);
  assert.ok(known);
  const [, after] = await Promise.all([
    register.revoke(nodeId, clock.now),
    register.admit({ ...known, state: 'active' }),
  ]);
  assert.equal(after.state, 'revoked');
  assert.ok(register.isKeyRevoked(key.publicKey));
});
