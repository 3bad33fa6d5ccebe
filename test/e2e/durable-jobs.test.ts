import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JobPage } from '../../shared/api/jobs.ts';
import type { Snapshot } from '../../shared/api/snapshot.ts';
import { askChat } from '../support/ask-pool.ts';
import { startMortalRelay } from '../support/mortal-relay.ts';
import { endOf, eventsOf, type JobClient, jobOf, LLM, postJob, resultOf } from '../support/queued-jobs.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { until } from '../support/until.ts';

/** Thirty tokens of 10 ms. */
const THIRD_OF_A_SECOND = { messages: [{ role: 'user', content: 'x' }], max_tokens: 30 };
const ITS_TEXT = Array.from({ length: 30 }, (_, token) => `${token} `).join('');

/** The moment is what is random here; nothing waits for it to be right. */
function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

async function isAnyRunning(client: JobClient): Promise<boolean> {
  const { data } = (await (await client.request('/v1/jobs?state=running')).json()) as JobPage;
  return data.length > 0;
}

/** Sends a request with its key again and again until it is answered, as a good client does. Returns the job's id. */
async function submitPatiently(client: JobClient, key: string): Promise<string> {
  const body = { service: LLM, model: 'test/ten-ms', input: THIRD_OF_A_SECOND };
  let id = '';
  await until(async () => {
    try {
      const response = await postJob(client, body, { 'idempotency-key': key });
      const job = (await response.json()) as { id: string };
      if (response.status === 202) id = job.id;
    } catch {
      // The relay is gone; the next try meets the one after it.
    }
    return id !== '';
  }, 60_000);
  return id;
}

test('every job that was accepted has exactly one result, at whatever moments the relay is killed', async (t) => {
  const { client, operator, kill } = await startMortalRelay(t);
  const random = seededRandom(7);
  const ids: Promise<string>[] = [];
  for (const moment of ['accepting', 'working', 'accepting', 'working'] as const) {
    for (let job = 0; job < 15; job++) ids.push(submitPatiently(client, `key-${ids.length}`));
    if (moment === 'accepting') await pause(random() * 100);
    else {
      // From then on the beginning of one is on the disk, and the node works on what is left.
      await until(() => isAnyRunning(client));
      await pause(random() * 100);
    }
    await kill();
  }
  const accepted = new Set(await Promise.all(ids));
  assert.equal(accepted.size, 60);
  let interrupted = 0;
  for (const id of accepted) {
    const job = await endOf(client, id);
    assert.equal(job.state, 'succeeded', JSON.stringify(job));
    const { result } = (await (await resultOf(client, id)).json()) as { result: { text: string } };
    assert.equal(result.text, ITS_TEXT);
    assert.equal(job.attempts.filter(({ state }) => state === 'succeeded').length, 1);
    assert.deepEqual(
      job.attempts.map(({ attempt }) => attempt),
      job.attempts.map((_, index) => index + 1),
    );
    interrupted += job.attempts.length - 1;
    assert.equal((await client.request(`/v1/jobs/${id}/receipt`)).status, 200);
  }
  const { jobs } = (await (await operator.request('/v1/admin/snapshot')).json()) as Snapshot;
  assert.equal(jobs.finished.succeeded, 60);
  assert.equal(
    Object.values(jobs.finished).reduce((sum, count) => sum + count, 0),
    60,
  );
  assert.ok(interrupted > 0);
  t.diagnostic(`${interrupted} attempts were broken off`);
});

test('a job that runs when the relay is killed keeps the attempt with its reason, and its events go on', async (t) => {
  const { client, kill, node } = await startMortalRelay(t);
  const input = { ...THIRD_OF_A_SECOND, max_tokens: 100 };
  const { id } = (await (
    await postJob(client, { service: LLM, model: 'test/ten-ms', input, max_attempts: 1 })
  ).json()) as { id: string };
  await until(async () => (await jobOf(client, id)).state === 'running');
  await kill();
  const job = await endOf(client, id);
  assert.equal(job.state, 'succeeded');
  assert.deepEqual(
    job.attempts.map(({ attempt, nodeId, state, problem }) => [attempt, nodeId, state, problem?.code ?? null]),
    [
      [1, node.nodeId, 'failed', 'relay_lost'],
      [2, node.nodeId, 'succeeded', null],
    ],
  );
  assert.ok((job.attempts[0]?.epoch ?? 9) < (job.attempts[1]?.epoch ?? 0));
  const { events } = await eventsOf(client, id, '3');
  assert.deepEqual(
    events.map(({ seq, state }) => [seq, state]).filter(([, state]) => state !== 'running'),
    [
      [4, 'queued'],
      [5, 'assigned'],
      [7, 'succeeded'],
    ],
  );
});

test('whoever asks in the moment in which a killed relay is ready again is answered', async (t) => {
  const { client, kill } = await startMortalRelay(t);
  await kill();
  const { status, content, code } = await askChat(client, 'test/echo');
  assert.deepEqual([status, content], [200, 'say something'], code);
});

test('a job that waits when the relay is killed waits on, and one that was cancelled stays so', async (t) => {
  const { client, kill } = await startMortalRelay(t);
  const post = async (model: string) => {
    const response = await postJob(client, {
      service: LLM,
      model,
      input: 'x',
      routing: { require: { trust: 'trusted' } },
    });
    return ((await response.json()) as { id: string }).id;
  };
  const [cancelled, stuck] = [await post('test/stuck'), await post('test/stuck')];
  await client.request(`/v1/jobs/${cancelled}/cancel`, { method: 'POST' });
  await kill();
  assert.equal((await jobOf(client, cancelled)).state, 'cancelled');
  await until(async () => (await jobOf(client, stuck)).state === 'running');
  assert.equal((await jobOf(client, stuck)).attempts.filter(({ state }) => state === 'running').length, 1);
  await client.request(`/v1/jobs/${stuck}`, { method: 'DELETE' });
  assert.equal((await jobOf(client, stuck)).state, 'cancelled');
});
