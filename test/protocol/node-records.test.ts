/** What a node learns of its own work: receipts that the relay has countersigned, and credits. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { PairingCode } from '../../shared/api/pairing.ts';
import { parseInvitation } from '../../shared/identity/pairing-link.ts';
import { MOST_RECORD_CREDITS } from '../../shared/protocol/node-records.ts';
import { checkReceiptFile } from '../../shared/receipts/receipt-proof.ts';
import { askChat, chatCall, recordOf } from '../support/ask-pool.ts';
import { fetchFrom, makeCode, post, startRemoteAgent, visitor } from '../support/pairing.ts';
import { type Pool, type PoolNode, startPool } from '../support/pool.ts';
import { askAsAdmin } from '../support/pool-admin.ts';
import { isProblem } from '../support/problems.ts';

const MODEL = 'test/echo';

let pool: Pool;
let one: PoolNode;
before(async () => {
  pool = await startPool();
  one = await pool.addNode({ name: 'one' });
});
after(() => pool.close());

test('[V11] a node gets the receipts of its own jobs, sound and signed by both', async () => {
  const { jobId } = await askChat(pool, MODEL);
  const { receipts, relayKey, credits } = await one.agent.records({ jobs: [jobId, 'job_none'], creditsBefore: null });
  assert.deepEqual(
    receipts.map(({ job, node }) => [job, node]),
    [[jobId, one.nodeId]],
  );
  assert.equal(receipts[0]?.keys.relay, relayKey);
  assert.deepEqual(credits, []);
  const findings = await checkReceiptFile(receipts[0]);
  assert.deepEqual(
    findings.slice(0, 2).map(({ isSound }) => isSound),
    [true, true],
  );
});

test('[V11] another node gets none of them', async () => {
  const { jobId } = await askChat(pool, MODEL);
  const other = await pool.addNode({ name: 'two', slots: 1 });
  const { receipts } = await other.agent.records({ jobs: [jobId], creditsBefore: null });
  assert.deepEqual(receipts, []);
  await other.agent.close();
  assert.equal((await one.agent.records({ jobs: [jobId], creditsBefore: null })).receipts.length, 1);
});

test('[V11] a node hears which of its own attempts count as ended by a problem, and of no other', async () => {
  const failed = await pool.request('/v1/chat/completions', chatCall('test/failing', false));
  const jobs = [failed.headers.get('x-sparewatt-job') ?? '', (await askChat(pool, MODEL)).jobId, 'job_none'];
  const { attempts } = await recordOf(pool, jobs[0] ?? '');
  const ended = attempts.map(({ problem }, index) => ({ job: jobs[0], attempt: index + 1, code: problem?.code }));
  assert.ok(ended.length > 0);
  assert.deepEqual((await one.agent.records({ jobs, creditsBefore: null })).uncounted, ended);
  const other = await pool.addNode({ name: 'two', slots: 1 });
  assert.deepEqual((await other.agent.records({ jobs, creditsBefore: null })).uncounted, []);
  await other.agent.close();
});

test('[V11] credits come with the receipt that they pay for, newest first, and before any of them', async () => {
  const price = { per_job_micro: 4_000, fee_percent: 25 };
  const headers = { authorization: `Bearer ${pool.relay.adminToken}`, 'content-type': 'application/json' };
  const body = JSON.stringify(price);
  assert.equal((await pool.request('/v1/admin/prices/*', { method: 'PUT', headers, body })).status, 200);
  const jobs = [(await askChat(pool, MODEL)).jobId, (await askChat(pool, MODEL)).jobId];
  const { receipts, credits, creditsNext } = await one.agent.records({ jobs, creditsBefore: null });
  assert.deepEqual(
    credits.map(({ amountMicro, reference }) => [amountMicro, reference]),
    receipts.map(({ id }) => [3_000, id]).reverse(),
  );
  assert.equal(creditsNext, null);
  const [newest, oldest] = credits;
  const before = await one.agent.records({ jobs: [], creditsBefore: newest?.seq ?? 0 });
  assert.deepEqual(before.credits, [oldest]);
  await askAsAdmin(pool, '/v1/admin/settlements', {});
  assert.deepEqual((await one.agent.records({ jobs: [], creditsBefore: null })).credits, credits);
});

test('[V11] a signature for another purpose, a stranger and a spent challenge are refused', async () => {
  const stranger = visitor(pool.relay.url, 'stranger');
  const ask = { jobs: [], creditsBefore: null };
  const send = async (purpose: 'enroll' | 'records') => {
    const { complete } = await stranger.converse({ purpose });
    const { publicKey, name, proof } = complete;
    return { publicKey, name, proof, ask };
  };
  const records = '/v1/nodes/records';
  assert.equal((await post(pool.relay.url, records, await send('enroll'))).body.code, 'pairing_proof_invalid');
  const body = await send('records');
  assert.equal((await post(pool.relay.url, records, body)).body.code, 'pairing_required');
  assert.equal((await post(pool.relay.url, records, body)).body.code, 'pairing_challenge_invalid');
});

test('[V11] an answer that the relay has not signed for this question is no answer', async (t) => {
  const { jobId } = await askChat(pool, MODEL);
  let change = (text: string): string => text;
  const answers: string[] = [];
  const agent = startRemoteAgent(t, pool.relay.url, {
    name: 'far',
    invitation: parseInvitation(((await makeCode(pool.relay)) as PairingCode & { code: string }).code),
    fetch: async (input, init) => {
      const response = await fetchFrom('203.0.113.7')(input, init);
      if (!String(input).endsWith('/v1/nodes/records')) return response;
      const text = await response.text();
      answers.push(text);
      return new Response(change(text), { status: response.status });
    },
  });
  await agent.ready;
  const ask = { jobs: [jobId], creditsBefore: null };
  assert.deepEqual((await agent.records(ask)).receipts, []);
  assert.match(answers[0] ?? '', /"receipts":\[\]/, 'the relay showed the receipt of another node');
  change = (text) => text.replace('"receipts":[]', '"receipts":[],"more":1');
  await assert.rejects(agent.records(ask), isProblem('relay_identity_changed', /Another relay/));
  const credits = JSON.stringify(
    Array.from({ length: MOST_RECORD_CREDITS + 1 }, (_, seq) => ({ seq, at: 0, amountMicro: 1, reference: 'r' })),
  );
  change = (text) => text.replace('"credits":[]', `"credits":${credits}`);
  await assert.rejects(agent.records(ask), isProblem('protocol_violation', /records at \/records\/credits/));
  change = () => answers[0] ?? '';
  await assert.rejects(
    agent.records(ask),
    isProblem('relay_identity_changed', /Another relay/),
    'an older answer was taken',
  );
});
