import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Value } from 'typebox/value';
import { createNodeCrypto } from '../../../main/headless/node-crypto.ts';
import { createNKey } from '../../../relay/fabric/bus/nkey.ts';
import { createReceiptSealer } from '../../../relay/receipts/seal-receipt.ts';
import { createStatementSigner } from '../../../shared/agent/batch-signing.ts';
import { bytesToBase64Url } from '../../../shared/protocol/base64.ts';
import { type LoggedReceipt, Receipt, receiptBytes } from '../../../shared/receipts/receipt.ts';
import { checkReceiptFile } from '../../../shared/receipts/receipt-proof.ts';
import { nodeStatementBytes, nodeStatementOf } from '../../../shared/receipts/statements.ts';
import { isProblem } from '../../support/problems.ts';
import { draftFor, RELAY_KEY } from '../store/store-records.ts';

const NODE_KEY = createNKey('user');
const OTHER_KEY = createNKey('user').publicKey;
const node = createNodeCrypto(new TextEncoder().encode(NODE_KEY.seed));
const { judge, seal } = createReceiptSealer(RELAY_KEY);

/** A receipt as it comes when the node has signed for `signed`. */
async function signedReceipt(changes: Partial<LoggedReceipt> = {}, signed: Partial<LoggedReceipt> = {}) {
  const draft = draftFor('job_1');
  const times = { ...draft.times, reported: { firstTokenMs: 1.25, totalMs: 9.5 } };
  const keys = { ...draft.keys, node: NODE_KEY.publicKey };
  const receipt = { ...draft, times, keys, ...changes };
  const statement = nodeStatementOf({ ...receipt, ...signed });
  assert.ok(statement);
  const signature = bytesToBase64Url(await node.sign(nodeStatementBytes(statement)));
  return { ...receipt, signatures: { node: signature } };
}

async function underKey(nodeKey: string | null): Promise<LoggedReceipt> {
  const receipt = await signedReceipt();
  return { ...receipt, keys: { ...receipt.keys, node: nodeKey } };
}

async function findingsOf(receipt: Receipt) {
  const findings = await checkReceiptFile(receipt);
  return findings.map(({ check, isSound }) => [check, isSound]);
}

test('[V1] seals a receipt under both signatures, in the same way every time', async () => {
  const logged = await signedReceipt();
  const receipt = seal(logged);
  assert.ok(Value.Check(Receipt, receipt));
  assert.equal(receipt.signatures.verdict, 'sound');
  assert.deepEqual(receiptBytes(receipt), receiptBytes(logged));
  assert.deepEqual(await findingsOf(receipt), [
    ['relay signature', true],
    ['node signature', true],
    ['place in the log', null],
  ]);
  assert.deepEqual(seal(logged), receipt);
});

test('[V1] puts its name to no receipt of another relay', async () => {
  const foreign = createReceiptSealer(createNKey('server'));
  const logged = await signedReceipt();
  assert.throws(() => foreign.seal(logged), isProblem('receipt_log_damaged', /names the relay N/));
});

test('[V9] seals what the node has not signed, and says so under its own signature', async () => {
  const receipt = seal(draftFor('job_1'));
  const { signatures } = receipt;
  assert.deepEqual([signatures.node, signatures.verdict], [null, 'absent']);
  assert.equal((await findingsOf(receipt))[0]?.[1], true);
  const better: Receipt = { ...receipt, signatures: { ...signatures, verdict: 'sound' } };
  assert.deepEqual((await findingsOf(better)).slice(0, 2), [
    ['relay signature', false],
    ['node signature', false],
  ]);
});

const WRONG: Record<string, () => Promise<LoggedReceipt>> = {
  'for other tokens': () =>
    signedReceipt({}, { usage: { measured: null, reported: { inputTokens: 20, outputTokens: 9_999 } } }),
  'for another answer': () => signedReceipt({}, { responseHash: 'd'.repeat(64) }),
  'for another nonce': () => signedReceipt({ nonce: 'mine' }, { nonce: null }),
  'under the key of another node': () => underKey(OTHER_KEY),
  'under a key that is none': () => underKey(`U${'A'.repeat(55)}`),
  'of a node that is not known any more': () => underKey(null),
  'no base64url': async () => ({ ...(await signedReceipt()), signatures: { node: '!'.repeat(86) } }),
  'too short': async () => ({ ...(await signedReceipt()), signatures: { node: 'AAAA' } }),
  'all zeros': async () => ({ ...(await signedReceipt()), signatures: { node: 'A'.repeat(86) } }),
};

for (const [what, make] of Object.entries(WRONG)) {
  test(`[V9] refuses a signature that is ${what}, and says so under its own`, async () => {
    const logged = await make();
    assert.equal(judge(logged), 'refused');
    const receipt = seal(logged);
    assert.equal(receipt.signatures.verdict, 'refused');
    assert.deepEqual((await findingsOf(receipt)).slice(0, 2), [
      ['relay signature', true],
      ['node signature', null],
    ]);
    const better: Receipt = { ...receipt, signatures: { ...receipt.signatures, verdict: 'sound' } };
    assert.deepEqual((await findingsOf(better)).slice(0, 2), [
      ['relay signature', false],
      ['node signature', false],
    ]);
  });
}

test('[V2] keeps what another version adds to an execution or to times out of what is signed', async () => {
  const statement = nodeStatementOf(await signedReceipt());
  assert.ok(statement);
  const grown = {
    ...statement,
    execution: { ...statement.execution, prompt: 'a secret' },
    timings: { ...statement.timings, more: 1 },
    usage: { ...statement.usage, more: 1 },
  };
  assert.deepEqual(nodeStatementBytes(grown), nodeStatementBytes(statement));
});

test('[V10] takes a receipt of a batch for sound, and none whose way leads elsewhere', async () => {
  const first = await signedReceipt();
  const second = { ...(await signedReceipt({ attempt: 2 })), id: 'rcpt_second' };
  const sign = createStatementSigner(node);
  const statementOf = (receipt: LoggedReceipt) => {
    const statement = nodeStatementOf(receipt);
    assert.ok(statement);
    return nodeStatementBytes(statement);
  };
  const [mine = '', other = ''] = await Promise.all([first, second].map((receipt) => sign(statementOf(receipt))));
  const under = (text: string): LoggedReceipt => ({ ...first, signatures: { node: text } });
  // The second time from what the sealer knows of the batch.
  for (let times = 0; times < 2; times += 1) {
    assert.equal(judge(under(mine)), 'sound');
    assert.equal(judge({ ...second, signatures: { node: other } }), 'sound');
    assert.equal(judge(under(other)), 'refused');
    assert.equal(judge(under(`${mine}.${mine.split('.').at(-1)}`)), 'refused');
    assert.equal(judge(under(mine.split('.')[0] ?? '')), 'refused');
    assert.equal(judge(under(mine.replace('.0.2.', '.1.2.'))), 'refused');
  }
  assert.deepEqual((await findingsOf(seal(under(mine))))[1], ['node signature', true]);
  assert.deepEqual((await findingsOf(seal(under(other))))[1], ['node signature', null]);
});
