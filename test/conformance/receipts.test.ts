import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { after, before, test } from 'node:test';
import pino from 'pino';
import type { CreatedKey } from '../../shared/api/keys.ts';
import type { AuditReport, ReceiptList } from '../../shared/api/receipts.ts';
import { createOwnerPolicy } from '../../shared/policy/owner-policy.ts';
import { hexToBytes } from '../../shared/protocol/hex.ts';
import { type ConsistencyProof, isHeadSigned, type TreeHead } from '../../shared/receipts/log/tree-head.ts';
import { isConsistent } from '../../shared/receipts/log/verify-proofs.ts';
import type { Receipt } from '../../shared/receipts/receipt.ts';
import { checkReceiptFile, type ReceiptProof } from '../../shared/receipts/receipt-proof.ts';
import { assertError, readError } from '../support/error-answers.ts';
import { joinScriptedNode } from '../support/nodes/scripted-node.ts';
import { type Pool, startPool } from '../support/pool.ts';
import { askAsAdmin } from '../support/pool-admin.ts';
import { createScriptedRuntime } from '../support/runtimes/scripted-runtime.ts';
import { createSyntheticRuntime } from '../support/runtimes/synthetic-runtime.ts';

let pool: Pool;
const logged: string[] = [];
before(async () => {
  const log = pino({ level: 'warn' }, { write: (line) => void logged.push(line) });
  pool = await startPool({ log });
  await pool.addNode();
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
    node: response.headers.get('x-sparewatt-node') ?? '',
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

test('[V1] node and relay both sign the receipt of several choices with calls in them', async () => {
  const runtime = createScriptedRuntime({
    'test/caller': (_job, output) => {
      output.text('Let me ', 1, { choice: 1 });
      output.text('see.', 1, { choice: 0 });
      output.text('look.', 1, { choice: 1 });
      output.toolCall({ index: 0, name: 'add', arguments: '{"a"', tokens: 1, choice: 1 });
      output.toolCall({ index: 0, arguments: ':1}', tokens: 1, choice: 1 });
      return 'stop';
    },
  });
  await pool.addNode({ name: 'caller', runtime });
  const tools = [{ type: 'function', function: { name: 'add' } }];
  const { id, status, text } = await chat({ model: 'test/caller', n: 2, tools });
  assert.equal(status, 200, text);
  const receipt = await get<Receipt>(`/v1/receipts/${id}`);
  assert.equal(receipt.signatures.verdict, 'sound');
  assert.deepEqual(receipt.usage.measured?.outputTokens, 5);
  assert.equal(receipt.usage.measured?.responseBytes, 'see.Let me look.\0add\0{"a":1}'.length);
});

test('[V1] a node whose owner limits answers signs for what it was asked', async () => {
  const policy = createOwnerPolicy({ policy: { sizes: { output_tokens: 5 } }, now: Date.now });
  const runtime = createScriptedRuntime({
    'test/limited': (job, output) => {
      output.text(`${job.input.maxTokens} at most`, 3);
      return 'stop';
    },
  });
  await pool.addNode({ name: 'limited', runtime, policy });
  const { id, text } = await chat({ model: 'test/limited' });
  assert.match(text, /5 at most/);
  assert.equal((await get<Receipt>(`/v1/receipts/${id}`)).signatures.verdict, 'sound');
});

test('[V1] the relay tells beside the claim of the node what it counted itself', async () => {
  const whole = await get<Receipt>(`/v1/receipts/${(await chat({})).id}`);
  const streamed = await get<Receipt>(`/v1/receipts/${(await chat({ stream: true })).id}`);
  const { measured } = whole.usage;
  assert.equal(measured?.outputTokens, null);
  assert.equal(measured?.responseBytes, 'a secret word'.length);
  assert.ok((measured?.requestBytes ?? 0) > 50);
  assert.deepEqual(streamed.usage.measured, { ...measured, outputTokens: streamed.usage.reported.outputTokens });
});

test('[V1] node and relay both sign the receipt of a capability', async () => {
  await pool.addNode({ name: 'ears', runtime: createSyntheticRuntime({ 'test/whisper': 'stt' }) });
  const { id, status } = await ask('/v1/capability/stt', { audio: 'AAAA' });
  assert.equal(status, 200);
  assert.equal((await get<Receipt>(`/v1/receipts/${id}`)).signatures.verdict, 'sound');
});

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
  const { id, text, node } = await chat({});
  const receipt = await get<Receipt>(`/v1/receipts/${id}`);
  const answer =
    (JSON.parse(text) as { choices: { message: { content: string } }[] }).choices[0]?.message.content ?? '';
  assert.equal(receipt.responseHash, hash('sha256', answer, 'hex'));
  assert.ok(!JSON.stringify(receipt).includes('secret'));
  assert.equal(receipt.node, node);
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

test('[V4] whoever asks right after an answer finds its receipt, and its place in the log', async () => {
  const asked = Array.from({ length: 40 }, async () => {
    const { id, job } = await chat({});
    const proof = await get<ReceiptProof>(`/v1/receipts/${id}/proof`);
    assert.ok((await checkReceiptFile(proof)).every(({ isSound }) => isSound === true));
    return [proof.receipt.job === job, proof.leaf] as const;
  });
  const found = await Promise.all(asked);
  assert.ok(found.every(([isIts]) => isIts));
  assert.equal(new Set(found.map(([, leaf]) => leaf)).size, found.length);
});

test('[V8] a key sees the receipts of its own jobs alone, the operator all', async () => {
  const { id, job } = await chat({});
  const list = await get<ReceiptList>(`/v1/jobs/${job}/receipts`);
  assert.deepEqual([list.data.map((receipt) => receipt.id), list.next], [[id], null]);
  const { body: other } = await askAsAdmin<CreatedKey>(pool, '/v1/admin/keys', { name: 'another' });
  for (const path of [`/v1/receipts/${id}`, `/v1/receipts/${id}/proof`, `/v1/jobs/${job}/receipts`]) {
    assert.equal((await pool.request(path, { headers: { authorization: `Bearer ${other.key}` } })).status, 404, path);
    assert.equal((await askAsAdmin(pool, path)).status, 200, path);
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
  for (const [query, param] of [
    [`from=${to.size + 1}`, 'from'],
    [`from=${to.size}&to=${to.size + 1}`, 'to'],
  ] as const) {
    const refused = await pool.request(`/v1/log/consistency?${query}`);
    assertError(await readError(refused), { code: 'invalid_value', param });
  }
});

test('[V7] the operator audits a running relay', async () => {
  await chat({});
  const admin = { headers: { authorization: `Bearer ${pool.relay.adminToken}` } };
  const report = (await (await pool.request('/v1/admin/log/audit', admin)).json()) as AuditReport;
  assert.deepEqual(report.problems, []);
  assert.ok(report.size > 0);
});

for (const [what, signature, verdict] of [
  ['without a signature', undefined, 'absent'],
  ['whose signature fits nothing', 'A'.repeat(86), 'refused'],
  ['whose signature is none', 'signed', 'refused'],
] as const) {
  test(`[V9] an answer ${what} is delivered, and its receipt says so`, async (t) => {
    const scripted = await joinScriptedNode(t, pool.relay, { models: ['test/scripted'] });
    const asked = chat({ model: 'test/scripted' });
    const job = await scripted.jobs.next();
    job.done({ text: 'well', ...(signature === undefined ? {} : { signature }) });
    const { status, text, id } = await asked;
    assert.equal(status, 200);
    assert.match(text, /well/);
    const receipt = await get<Receipt>(`/v1/receipts/${id}`);
    assert.deepEqual([receipt.signatures.node, receipt.signatures.verdict], [signature ?? null, verdict]);
    const findings = await checkReceiptFile(receipt);
    assert.deepEqual(
      findings.map(({ isSound }) => isSound),
      [true, null, null],
    );
    const warnings = logged.filter((line) => line.includes(receipt.job) && line.includes('protocol_violation'));
    assert.equal(warnings.length, verdict === 'refused' ? 1 : 0);
    // Not even the mark can be taken off without the relay's key.
    const marked = { ...receipt, signatures: { ...receipt.signatures, verdict: 'sound' } };
    assert.equal((await checkReceiptFile(marked))[0]?.isSound, false);
    await scripted.close();
  });
}
