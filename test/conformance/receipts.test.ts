import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { after, before, test } from 'node:test';
import type { AuditReport, ReceiptList } from '../../shared/api/receipts.ts';
import { type ConsistencyProof, hexToBytes, isHeadSigned, type TreeHead } from '../../shared/receipts/log/tree-head.ts';
import { isConsistent } from '../../shared/receipts/log/verify-proofs.ts';
import type { Receipt } from '../../shared/receipts/receipt.ts';
import { checkReceiptFile, type ReceiptProof } from '../../shared/receipts/receipt-proof.ts';
import { type Pool, type PoolNode, startPool } from '../support/pool.ts';
import { joinScriptedNode } from '../support/scripted-node.ts';

let pool: Pool;
let node: PoolNode;
before(async () => {
  pool = await startPool();
  node = await pool.addNode();
});
after(() => pool.close());

async function get<Answer>(path: string, status = 200): Promise<Answer> {
  const response = await pool.request(path);
  assert.equal(response.status, status, path);
  return (await response.json()) as Answer;
}

/** Asks something and gives the id of its receipt, with the answer. */
async function ask(path: string, body: object, headers: Record<string, string> = {}) {
  const init = {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  };
  const response = await pool.request(path, init);
  const text = await response.text();
  return {
    status: response.status,
    text,
    id: response.headers.get('x-sparewatt-receipt') ?? '',
    job: response.headers.get('x-sparewatt-job') ?? '',
  };
}

const chat = (more: object, headers?: Record<string, string>) =>
  ask(
    '/v1/chat/completions',
    { model: 'test/echo', messages: [{ role: 'user', content: 'a secret word' }], ...more },
    headers,
  );

for (const stream of [false, true]) {
  test(`[V1] node and relay both sign the receipt of a chat${stream ? ' that streams' : ''}`, async () => {
    const { id } = await chat({ stream });
    const findings = await checkReceiptFile(await get<ReceiptProof>(`/v1/receipts/${id}/proof`));
    assert.deepEqual(
      findings.map(({ check, isSound }) => [check, isSound]),
      [
        ['relay signature', true],
        ['node signature', true],
        ['tree head', true],
        ['place in the log', true],
      ],
    );
  });
}

test('[V1] node and relay both sign the receipt of vectors', async () => {
  const { id, status } = await ask('/v1/embeddings', { model: 'test/vectors', input: ['one', 'two'] });
  assert.equal(status, 200);
  const findings = await checkReceiptFile(await get<Receipt>(`/v1/receipts/${id}`));
  assert.deepEqual(
    findings.map(({ isSound }) => isSound),
    [true, true, null],
  );
});

test('[V2] a receipt holds hashes and no text', async () => {
  const { id, text } = await chat({});
  const receipt = await get<Receipt>(`/v1/receipts/${id}`);
  const answer =
    (JSON.parse(text) as { choices: { message: { content: string } }[] }).choices[0]?.message.content ?? '';
  assert.equal(receipt.responseHash, hash('sha256', answer, 'hex'));
  assert.ok(!JSON.stringify(receipt).includes('secret'));
  assert.equal(receipt.node, node.nodeId);
});

test('[V3] the nonce of a client is in its receipt under both signatures', async () => {
  const { id } = await chat({}, { 'x-sparewatt-nonce': 'mine-1' });
  const receipt = await get<Receipt>(`/v1/receipts/${id}`);
  assert.equal(receipt.nonce, 'mine-1');
  const forged = await checkReceiptFile({ ...receipt, nonce: 'mine-2' });
  assert.deepEqual(
    forged.map(({ isSound }) => isSound),
    [false, false, null],
  );
  assert.equal((await chat({}, { 'x-sparewatt-nonce': 'x'.repeat(129) })).status, 400);
});

test('[V8] a key sees the receipts of its own jobs alone', async () => {
  const { id, job } = await chat({});
  const list = await get<ReceiptList>(`/v1/jobs/${job}/receipts`);
  assert.deepEqual([list.data.map((receipt) => receipt.id), list.next], [[id], null]);
  const admin = { headers: { authorization: `Bearer ${pool.relay.adminToken}` } };
  for (const path of [`/v1/receipts/${id}`, `/v1/receipts/${id}/proof`, `/v1/jobs/${job}/receipts`]) {
    assert.equal((await pool.request(path, admin)).status, 404, path);
  }
});

test('[V5] heads are signed and each is a continuation of the one before', async () => {
  const older = await get<TreeHead>('/v1/log/head');
  await chat({});
  const { from, to, path } = await get<ConsistencyProof>(`/v1/log/consistency?from=${older.size}`);
  assert.ok((await isHeadSigned(from)) && (await isHeadSigned(to)));
  assert.equal(from.root, older.root);
  assert.equal(to.size, older.size + 1);
  const claim = {
    older: { size: from.size, root: hexToBytes(older.root) },
    newer: { size: to.size, root: hexToBytes(to.root) },
  };
  assert.ok(await isConsistent({ ...claim, proof: path.map(hexToBytes) }));
  await get(`/v1/log/consistency?from=${to.size + 1}`, 400);
});

test('[V7] the operator audits a running relay', async () => {
  await chat({});
  const admin = { headers: { authorization: `Bearer ${pool.relay.adminToken}` } };
  const report = (await (await pool.request('/v1/admin/log/audit', admin)).json()) as AuditReport;
  assert.deepEqual(report.problems, []);
  assert.ok(report.size > 0);
});

for (const [what, signature] of [
  ['without a signature', undefined],
  ['whose signature fits nothing', 'A'.repeat(86)],
] as const) {
  test(`[V9] an answer ${what} is delivered, and its receipt has the relay's signature alone`, async (t) => {
    const scripted = await joinScriptedNode(t, pool.relay, { models: ['test/scripted'] });
    const asked = chat({ model: 'test/scripted' });
    const job = await scripted.jobs.next();
    job.done({ text: 'well', ...(signature === undefined ? {} : { signature }) });
    const { status, text, id } = await asked;
    assert.equal(status, 200);
    assert.match(text, /well/);
    const receipt = await get<Receipt>(`/v1/receipts/${id}`);
    assert.equal(receipt.signatures.node, null);
    const findings = await checkReceiptFile(receipt);
    assert.deepEqual(
      findings.map(({ isSound }) => isSound),
      [true, null, null],
    );
    // Not even the mark can be taken off without the relay's key.
    const marked = { ...receipt, signatures: { ...receipt.signatures, node: 'A'.repeat(86) } };
    assert.equal((await checkReceiptFile(marked))[0]?.isSound, false);
    await scripted.close();
  });
}
