import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Value } from 'typebox/value';
import { createNodeCrypto } from '../../../main/headless/node-crypto.ts';
import { createNKey } from '../../../relay/fabric/nkey.ts';
import type { ReceiptDraft } from '../../../relay/receipts/draft-receipt.ts';
import { createReceiptSealer } from '../../../relay/receipts/seal-receipt.ts';
import { bytesToBase64Url } from '../../../shared/protocol/base64.ts';
import { canonicalJson } from '../../../shared/receipts/canonical-json.ts';
import { Receipt } from '../../../shared/receipts/receipt.ts';
import { checkReceiptFile } from '../../../shared/receipts/receipt-proof.ts';
import { nodeStatementBytes, nodeStatementOf } from '../../../shared/receipts/statements.ts';
import { draftFor, RELAY_KEY } from '../store/store-records.ts';

const NODE_KEY = createNKey('user');
const node = createNodeCrypto(new TextEncoder().encode(NODE_KEY.seed));
const seal = createReceiptSealer(RELAY_KEY);

/** A draft as it comes when the node has signed for `signed`. */
async function signedDraft(changes: Partial<ReceiptDraft> = {}, signed: Partial<ReceiptDraft> = {}) {
  const times = { ...draftFor('job_1').times, reported: { firstTokenMs: 1.25, totalMs: 9.5 } };
  const draft = { ...draftFor('job_1'), times, nodeKey: NODE_KEY.publicKey, ...changes };
  const statement = nodeStatementOf({ ...draft, ...signed }, NODE_KEY.publicKey);
  assert.ok(statement);
  const nodeSignature = bytesToBase64Url(await node.sign(nodeStatementBytes(statement)));
  return { ...draft, nodeSignature };
}

async function findingsOf(body: string) {
  const findings = await checkReceiptFile(JSON.parse(body));
  return findings.map(({ check, isSound }) => [check, isSound]);
}

test('[V1] seals a draft under both signatures, in the canonical form', async () => {
  for (let time = 0; time < 2; time += 1) {
    const { id, body, verdict } = seal(await signedDraft());
    const receipt: unknown = JSON.parse(body);
    assert.ok(Value.Check(Receipt, receipt));
    assert.deepEqual([id, verdict, receipt.signatures.verdict], [receipt.id, 'sound', 'sound']);
    assert.equal(body, canonicalJson(receipt));
    assert.deepEqual(await findingsOf(body), [
      ['relay signature', true],
      ['node signature', true],
      ['place in the log', null],
    ]);
  }
});

test('[V9] seals what the node has not signed, and says so under its own signature', async () => {
  const { body, verdict } = seal(draftFor('job_1'));
  assert.equal(verdict, 'absent');
  const receipt = JSON.parse(body) as Receipt;
  assert.deepEqual([receipt.signatures.node, receipt.signatures.verdict], [null, 'absent']);
  assert.equal((await findingsOf(body))[0]?.[1], true);
  const better = { ...receipt, signatures: { ...receipt.signatures, verdict: 'sound' } };
  assert.deepEqual((await findingsOf(JSON.stringify(better))).slice(0, 2), [
    ['relay signature', false],
    ['node signature', false],
  ]);
});

const WRONG: Record<string, () => Promise<ReceiptDraft>> = {
  'for other tokens': () =>
    signedDraft({}, { usage: { measured: null, reported: { inputTokens: 20, outputTokens: 9_999 } } }),
  'for another answer': () => signedDraft({}, { responseHash: 'd'.repeat(64) }),
  'for another nonce': () => signedDraft({ nonce: 'mine' }, { nonce: null }),
  'under the key of another node': async () => ({ ...(await signedDraft()), nodeKey: createNKey('user').publicKey }),
  'under a key that is none': async () => ({ ...(await signedDraft()), nodeKey: `U${'A'.repeat(55)}` }),
  'of a node that is not known any more': async () => ({ ...(await signedDraft()), nodeKey: null }),
  'that is no base64url': async () => ({ ...(await signedDraft()), nodeSignature: '!'.repeat(86) }),
  'that is too short': async () => ({ ...(await signedDraft()), nodeSignature: 'AAAA' }),
  'of zeros': async () => ({ ...(await signedDraft()), nodeSignature: 'A'.repeat(86) }),
};

for (const [what, make] of Object.entries(WRONG)) {
  test(`[V9] leaves a signature out that is ${what}, keeps the receipt and says so`, async () => {
    const { body, verdict } = seal(await make());
    const { signatures } = JSON.parse(body) as Receipt;
    assert.deepEqual([verdict, signatures.verdict, signatures.node], ['refused', 'refused', null]);
    assert.equal((await findingsOf(body))[0]?.[1], true);
  });
}

test('[V2] keeps what another version adds to an execution or to times out of what is signed', async () => {
  const draft = await signedDraft();
  const statement = nodeStatementOf(draft, NODE_KEY.publicKey);
  assert.ok(statement);
  const grown = {
    ...statement,
    execution: { ...statement.execution, prompt: 'a secret' },
    timings: { ...statement.timings, more: 1 },
    usage: { ...statement.usage, more: 1 },
  };
  assert.deepEqual(nodeStatementBytes(grown), nodeStatementBytes(statement));
});
