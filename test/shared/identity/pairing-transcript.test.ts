import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  isCodeProof,
  nodeStatement,
  type PairingAnswer,
  type PairingTranscript,
  proveCode,
  relayStatement,
} from '../../../shared/identity/pairing-transcript.ts';

const TRANSCRIPT: Required<PairingTranscript> = {
  protocol: 1,
  purpose: 'pair',
  relay: 'https://relay.test',
  relayKey: 'key of the relay',
  nodeKey: 'key of the node',
  nodeName: 'attic',
  nodeNonce: 'fresh',
  challenge: 'fresh too',
  codeId: 'code_1',
  authority: 'whoever vouches',
  tlsKey: 'another key',
};
const ANSWER: Required<PairingAnswer> = {
  nodeId: 'attic-a',
  state: 'active',
  jwt: 'jwt',
  expiresAt: 5,
  busPath: '/nats',
  busUrl: 'wss://relay.test:1',
  certificate: 'certificate',
  authority: 'authority',
};

const textOf = (statement: Uint8Array): string => new TextDecoder().decode(statement);

/** The same with each member in turn being another. */
function changed<Value extends object>(value: Value): [string, Value][] {
  return Object.entries(value).map(([name, member]) => [
    name,
    { ...value, [name]: typeof member === 'number' ? member + 1 : `${member}.` },
  ]);
}

test('[P1] node and relay sign every word of their conversation, and the relay all that it answers', () => {
  const byNode = textOf(nodeStatement(TRANSCRIPT));
  const byRelay = textOf(relayStatement(TRANSCRIPT, ANSWER));
  assert.notEqual(byNode, byRelay);
  for (const [name, other] of changed(TRANSCRIPT)) {
    assert.notEqual(textOf(nodeStatement(other)), byNode, name);
    assert.notEqual(textOf(relayStatement(other, ANSWER)), byRelay, name);
  }
  for (const [name, other] of changed(ANSWER))
    assert.notEqual(textOf(relayStatement(TRANSCRIPT, other)), byRelay, name);
  // The signature itself stands beside what it is of.
  const sent = { ...ANSWER, relaySignature: 'signature' };
  assert.equal(textOf(relayStatement(TRANSCRIPT, sent)), byRelay);
});

test('[P5] a code is proved for one statement, and nothing else is a proof', async () => {
  const statement = nodeStatement(TRANSCRIPT);
  const proof = await proveCode('AAAA-BBBB', statement);
  assert.equal(await isCodeProof('AAAA-BBBB', statement, proof), true);
  assert.equal(await isCodeProof('AAAA-BBBC', statement, proof), false);
  assert.equal(await isCodeProof('AAAA-BBBB', nodeStatement({ ...TRANSCRIPT, relay: 'https://x' }), proof), false);
  for (const none of ['', '*', `${proof}A`]) assert.equal(await isCodeProof('AAAA-BBBB', statement, none), false);
});
