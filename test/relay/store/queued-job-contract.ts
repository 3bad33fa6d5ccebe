import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { type EndState, hasEnded, JOB_STATES, type JobState } from '../../../relay/jobs/queue/job-state.ts';
import type { QueuedJobStore } from '../../../relay/store/queued-job-store.ts';
import type { FinishedJob } from '../../../relay/store/store.ts';
import type { StorePlace } from './store-contract.ts';
import { asKept, finishedJob, queuedOrder as order, refusedJob, T0 } from './store-records.ts';

const INPUT = JSON.stringify({ messages: [{ role: 'user', content: 'ünï' }] });
const ATTEMPT = {
  attempt: 1,
  nodeId: 'desk-4f2a9c',
  epoch: 3,
  state: 'running',
  problem: null,
  queuedAt: T0,
  startedAt: T0 + 1,
  finishedAt: null,
  firstTokenAt: null,
} as const;

async function succeed(jobs: QueuedJobStore, id: string, changes: Partial<FinishedJob> = {}): Promise<void> {
  await jobs.moveJob(id, 'assign', { at: T0 });
  assert.ok(await jobs.endJob(id, 'succeed', { record: finishedJob(id, changes), result: '{"text":"x"}' }));
}

/** Three jobs that have ended, and whose webhooks are to be told. */
async function endThreeWithWebhooks(queuedJobs: QueuedJobStore): Promise<void> {
  const webhook = { url: 'http://hook.test/', secret: 's'.repeat(16) };
  for (const id of ['job_1', 'job_2', 'job_3']) {
    await queuedJobs.acceptJob(order(id, { webhook }), INPUT, 'queued');
    const record = finishedJob(id, { state: 'cancelled' });
    await queuedJobs.endJob(id, 'cancel', { record, result: null, event: { id: `e-${id}`, body: '{}' } });
  }
}

/** Tells what every store owes for the jobs of the queue. */
export function describeQueuedJobContract(name: string, makePlace: (t: TestContext) => Promise<StorePlace>): void {
  const contract = (sentence: string, prove: (place: StorePlace) => Promise<void>) =>
    test(`${name}: ${sentence}`, async (t) => prove(await makePlace(t)));

  contract('keeps an accepted job with its input across a crash', async (place) => {
    const { queuedJobs } = await place.open();
    const { job, isNew } = await queuedJobs.acceptJob(order('job_1'), INPUT, 'queued');
    assert.equal(isNew, true);
    const after = (await (await place.afterCrash()).open()).queuedJobs;
    assert.deepEqual(await after.findQueuedJob('job_1'), job);
    assert.deepEqual(await after.listLiveJobs(), [job]);
    assert.equal(await after.inputOf('job_1'), INPUT);
    assert.equal(await after.resultOf('job_1'), undefined);
    assert.equal(await after.findQueuedJob('job_2'), undefined);
  });

  contract('tells which jobs are lines of batches, waiting or ended, and behind an id alone', async (place) => {
    const { queuedJobs } = await place.open();
    const marks = { job_1: 'batch_a 1', job_2: 'batch_a 2', job_3: 'of-a-client', job_4: null, job_5: 'batch_b 1' };
    for (const [id, idempotencyKey] of Object.entries(marks)) {
      await queuedJobs.acceptJob(order(id, { idempotencyKey }), INPUT, 'queued');
    }
    await succeed(queuedJobs, 'job_2');
    assert.deepEqual((await queuedJobs.listLineJobs('job_1')).sort(), ['job_2', 'job_5']);
    assert.equal(await queuedJobs.forgetJob('job_2'), true);
    assert.deepEqual(await queuedJobs.listLineJobs('job_1'), ['job_5']);
    assert.deepEqual(await queuedJobs.listLineJobs('job_5'), []);
  });

  contract('writes down each step with its attempts, and takes none that the state does not allow', async (place) => {
    const { queuedJobs } = await place.open();
    await queuedJobs.acceptJob(order('job_1'), INPUT, 'awaiting_approval');
    assert.equal(await queuedJobs.moveJob('job_1', 'assign', { at: T0 }), undefined);
    await queuedJobs.moveJob('job_1', 'approve', { at: T0 + 1 });
    const where = { nodeId: ATTEMPT.nodeId, attempt: 1 };
    const change = await queuedJobs.moveJob('job_1', 'assign', { at: T0 + 2, attempts: [ATTEMPT], ...where });
    assert.deepEqual(change, { seq: 3, at: T0 + 2, state: 'assigned', problem: null, ...where });
    assert.equal(await queuedJobs.moveJob('job_1', 'assign', { at: T0 + 3 }), undefined);
    assert.equal(await queuedJobs.moveJob('job_2', 'assign', { at: T0 }), undefined);
    const problem = { code: 'node_lost', detail: 'gone' };
    await queuedJobs.moveJob('job_1', 'requeue', { at: T0 + 4, problem });
    const job = await queuedJobs.findQueuedJob('job_1');
    assert.deepEqual(
      job?.changes.map(({ seq, state }) => [seq, state]),
      [
        [1, 'awaiting_approval'],
        [2, 'queued'],
        [3, 'assigned'],
        [4, 'queued'],
      ],
    );
    assert.deepEqual([job?.state, job?.startedAt, job?.attempts], ['queued', T0 + 2, [ATTEMPT]]);
    await queuedJobs.moveJob('job_1', 'assign', { at: T0 + 5, nodeId: ATTEMPT.nodeId, attempt: 2 });
    assert.equal((await queuedJobs.findQueuedJob('job_1'))?.startedAt, T0 + 2, 'when it was first given to a node');
  });

  contract('lists what has not ended in the order of acceptance, whatever happened since', async (place) => {
    const { queuedJobs } = await place.open();
    for (const id of ['job_2', 'job_3', 'job_1', 'job_4']) await queuedJobs.acceptJob(order(id), INPUT, 'queued');
    await queuedJobs.moveJob('job_2', 'assign', { at: T0 });
    await succeed(queuedJobs, 'job_3');
    const live = (await queuedJobs.listLiveJobs()).map(({ id, state }) => `${id} ${state}`);
    assert.deepEqual(live, ['job_2 assigned', 'job_1 queued', 'job_4 queued']);
  });

  contract('ends a job once, with its record, receipt and result, and lets go of its input', async (place) => {
    const store = await place.open();
    const { queuedJobs } = store;
    await queuedJobs.acceptJob(order('job_1'), INPUT, 'queued');
    await succeed(queuedJobs, 'job_1');
    const late = { record: finishedJob('job_1', { state: 'cancelled', receipt: null }), result: null };
    assert.equal(await queuedJobs.endJob('job_1', 'cancel', late), undefined);
    const after = await (await place.afterCrash()).open();
    assert.deepEqual(await after.jobs.findJob('job_1'), asKept(finishedJob('job_1')));
    assert.equal((await after.queuedJobs.findQueuedJob('job_1'))?.state, 'succeeded');
    assert.equal(await after.queuedJobs.resultOf('job_1'), '{"text":"x"}');
    assert.equal(await after.queuedJobs.inputOf('job_1'), undefined);
    assert.deepEqual(await after.queuedJobs.listLiveJobs(), []);
    assert.equal((await after.jobs.countJobsByState()).succeeded, 1);
  });

  contract('tells with the end of a job why it failed, also of one that no node had', async (place) => {
    const { queuedJobs } = await place.open();
    await queuedJobs.acceptJob(order('job_1'), INPUT, 'queued');
    const record = refusedJob('job_1');
    const { problem, finishedAt: at } = record;
    const end = { seq: 2, at, state: 'failed', nodeId: null, attempt: null, problem };
    assert.deepEqual(await queuedJobs.endJob('job_1', 'fail', { record, result: null }), [end]);
    assert.deepEqual((await queuedJobs.findQueuedJob('job_1'))?.changes.at(-1), end);
  });

  contract(
    'writes the steps that an end brings along in their order, and passes those over that do not fit',
    async (place) => {
      const { queuedJobs } = await place.open();
      await queuedJobs.acceptJob(order('job_1'), INPUT, 'queued');
      const where = { nodeId: ATTEMPT.nodeId, attempt: 1 };
      const problem = { code: 'node_lost', detail: 'gone' };
      const changes = await queuedJobs.endJob('job_1', 'succeed', {
        record: finishedJob('job_1'),
        result: '1',
        steps: [
          { event: 'start', move: { at: T0 } },
          { event: 'assign', move: { at: T0 + 1, attempts: [ATTEMPT], ...where } },
          { event: 'requeue', move: { at: T0 + 2, problem } },
          { event: 'assign', move: { at: T0 + 3, ...where, attempt: 2 } },
        ],
      });
      assert.deepEqual(
        changes?.map(({ seq, at, state, attempt }) => [seq, at, state, attempt]),
        [
          [2, T0 + 1, 'assigned', 1],
          [3, T0 + 2, 'queued', null],
          [4, T0 + 3, 'assigned', 2],
          [5, T0 + 20, 'succeeded', 1],
        ],
      );
      const job = await queuedJobs.findQueuedJob('job_1');
      assert.deepEqual(job?.changes.slice(1), changes);
      assert.deepEqual([job?.startedAt, job?.finishedAt], [T0 + 1, T0 + 20]);
      assert.deepEqual(job?.attempts, finishedJob('job_1').attempts, 'those of the end');
    },
  );

  contract('keeps nothing of the steps before an end that cannot be', async (place) => {
    const { jobs, queuedJobs } = await place.open();
    await queuedJobs.acceptJob(order('job_1'), INPUT, 'awaiting_approval');
    const steps = [{ event: 'approve', move: { at: T0 } }] as const;
    const ending = { record: finishedJob('job_1'), result: '1', steps };
    assert.equal(await queuedJobs.endJob('job_1', 'succeed', ending), undefined);
    assert.equal((await queuedJobs.findQueuedJob('job_1'))?.state, 'awaiting_approval');
    assert.equal(await jobs.findJob('job_1'), undefined);
  });

  contract('keeps nothing of an end that cannot be written as a whole', async (place) => {
    const { jobs, queuedJobs } = await place.open();
    await jobs.recordFinishedJob(finishedJob('job_0'));
    await queuedJobs.acceptJob(order('job_1'), INPUT, 'queued');
    await queuedJobs.moveJob('job_1', 'assign', { at: T0 });
    const record = finishedJob('job_1', { receipt: finishedJob('job_0').receipt });
    await assert.rejects(queuedJobs.endJob('job_1', 'succeed', { record, result: '1' }));
    assert.equal((await queuedJobs.findQueuedJob('job_1'))?.state, 'assigned');
    assert.equal(await queuedJobs.inputOf('job_1'), INPUT);
    assert.equal(await jobs.findJob('job_1'), undefined);
  });

  contract('gives the earlier job for an idempotency key of the same API key alone', async (place) => {
    const { queuedJobs } = await place.open();
    const first = order('job_1', { idempotencyKey: 'k' });
    await queuedJobs.acceptJob(first, INPUT, 'queued');
    const again = await queuedJobs.acceptJob(order('job_2', { idempotencyKey: 'k' }), INPUT, 'queued');
    assert.deepEqual([again.isNew, again.job.id], [false, 'job_1']);
    const other = order('job_3', { idempotencyKey: 'k', apiKeyId: 'key_2' });
    assert.equal((await queuedJobs.acceptJob(other, INPUT, 'queued')).isNew, true);
    assert.equal((await queuedJobs.findByIdempotencyKey('key_2', 'k'))?.id, 'job_3');
    assert.equal(await queuedJobs.findByIdempotencyKey('key_3', 'k'), undefined);
  });

  contract('lists live and ended jobs together, each once, newest first, in pages, by key', async (place) => {
    const { jobs, queuedJobs } = await place.open();
    await jobs.recordFinishedJob(finishedJob('job_1'));
    for (const id of ['job_2', 'job_3', 'job_5']) await queuedJobs.acceptJob(order(id), INPUT, 'queued');
    await queuedJobs.acceptJob(order('job_4', { apiKeyId: 'key_2' }), INPUT, 'queued');
    await succeed(queuedJobs, 'job_3');
    const pages: (string | null)[][] = [];
    for (let before: string | undefined; pages.length < 9; ) {
      const page = await queuedJobs.listAllJobs({ limit: 2, apiKeyId: 'key_1', before });
      pages.push(page.jobs.map(({ id, state }) => `${id} ${state}`));
      if (page.next === null) break;
      before = page.next;
    }
    assert.deepEqual(pages, [
      ['job_5 queued', 'job_3 succeeded'],
      ['job_2 queued', 'job_1 succeeded'],
    ]);
    const all = await queuedJobs.listAllJobs({ limit: 9, apiKeyId: null });
    assert.deepEqual(
      all.jobs.map(({ id }) => id),
      ['job_5', 'job_4', 'job_3', 'job_2', 'job_1'],
    );
  });

  contract(
    'lists jobs by any of their states, live and ended together, of a key or of all, page by page',
    async (place) => {
      const { jobs, queuedJobs } = await place.open();
      const all: { id: string; apiKeyId: string; state: JobState }[] = [];
      const keys = ['key_1', 'key_2'];
      // More of each state and key than a page holds, and one more.
      for (let n = 10; n < 74; n += 1) {
        const [id, apiKeyId] = [`job_${n}`, keys[n % 2] ?? ''];
        const state = JOB_STATES[Math.floor((n - 10) / 2) % JOB_STATES.length] ?? 'queued';
        all.unshift({ id, apiKeyId, state });
        if (hasEnded(state)) {
          const receipt = state === 'succeeded' ? finishedJob(id).receipt : null;
          await jobs.recordFinishedJob(finishedJob(id, { apiKeyId, state: state as EndState, receipt }));
          continue;
        }
        await queuedJobs.acceptJob(order(id, { apiKeyId }), INPUT, state === 'awaiting_approval' ? state : 'queued');
        if (state === 'assigned' || state === 'running') await queuedJobs.moveJob(id, 'assign', { at: T0 });
        if (state === 'running') await queuedJobs.moveJob(id, 'start', { at: T0 });
      }
      // One of the queue that has ended stands in both tables, and is listed once.
      const ending = all.find(({ state, apiKeyId }) => state === 'queued' && apiKeyId === 'key_1');
      assert.ok(ending !== undefined);
      await succeed(queuedJobs, ending.id);
      ending.state = 'succeeded';
      for (const states of [
        null,
        ...JOB_STATES.map((state) => [state]),
        ['failed', 'expired'],
        ['queued', 'succeeded'],
      ]) {
        for (const apiKeyId of [null, ...keys]) {
          const wanted = all.filter((job) => (apiKeyId ?? job.apiKeyId) === job.apiKeyId);
          const expected = wanted.filter(({ state }) => states?.includes(state) ?? true);
          const found: string[] = [];
          for (let before: string | undefined; ; ) {
            const page = await queuedJobs.listAllJobs({
              limit: 2,
              before,
              apiKeyId,
              states: states as JobState[] | null,
            });
            assert.ok(page.jobs.length <= 2);
            found.push(...page.jobs.map(({ id, state }) => `${id} ${state}`));
            if (page.next === null) break;
            before = page.next;
          }
          assert.deepEqual(
            found,
            expected.map(({ id, state }) => `${id} ${state}`),
            `${states} of ${apiKeyId}`,
          );
        }
      }
    },
  );

  contract('forgets what has ended and never what has not; record and receipt stay', async (place) => {
    const { jobs, queuedJobs } = await place.open();
    for (const id of ['job_1', 'job_2', 'job_3']) await queuedJobs.acceptJob(order(id), INPUT, 'queued');
    await succeed(queuedJobs, 'job_1', { finishedAt: T0 + 10 });
    await succeed(queuedJobs, 'job_2', { finishedAt: T0 + 30 });
    assert.equal(await queuedJobs.forgetEndedJobs(T0 + 20, 100), 1);
    assert.equal(await queuedJobs.findQueuedJob('job_1'), undefined);
    assert.equal(await queuedJobs.resultOf('job_1'), undefined);
    assert.equal(await queuedJobs.forgetJob('job_3'), false);
    assert.equal(await queuedJobs.forgetJob('job_2'), true);
    assert.equal(await queuedJobs.resultOf('job_2'), undefined);
    assert.equal(await queuedJobs.inputOf('job_3'), INPUT);
    assert.ok(await jobs.receiptOfJob('job_1'));
    assert.ok(await jobs.findJob('job_2'));
  });

  contract('forgets no job that ended at that moment or later, and no more at once than it is told', async (place) => {
    const { queuedJobs } = await place.open();
    for (const id of ['job_1', 'job_2', 'job_3']) {
      await queuedJobs.acceptJob(order(id), INPUT, 'queued');
      await succeed(queuedJobs, id, { finishedAt: T0 + 10 });
    }
    assert.equal(await queuedJobs.forgetEndedJobs(T0 + 10, 9), 0);
    const forgotten: number[] = [];
    for (let times = 0; times < 3; times += 1) forgotten.push(await queuedJobs.forgetEndedJobs(T0 + 11, 2));
    assert.deepEqual(forgotten, [2, 1, 0]);
  });

  contract('keeps word for the webhook of a job with its end, until it is delivered', async (place) => {
    const { queuedJobs } = await place.open();
    const webhook = { url: 'http://hook.test/', secret: 's'.repeat(16) };
    await queuedJobs.acceptJob(order('job_1', { webhook }), INPUT, 'queued');
    await queuedJobs.acceptJob(order('job_2'), INPUT, 'queued');
    for (const id of ['job_1', 'job_2']) {
      const event = { id: `e-${id}`, body: '{}' };
      const ending = { record: finishedJob(id, { state: 'cancelled' }), result: null, event };
      for (const _ of [1, 2]) await queuedJobs.endJob(id, 'cancel', ending);
    }
    const after = (await (await place.afterCrash()).open()).queuedJobs;
    const at = T0 + 20;
    const none = { seqs: [], apiKeyIds: [] };
    assert.deepEqual(await after.dueWebhooks(at - 1, 9, none), { due: [], nextAt: at });
    const { due } = await after.dueWebhooks(at, 9, none);
    const seq = due[0]?.seq ?? 0;
    const word = { apiKeyId: 'key_1', eventId: 'e-job_1', body: '{}', tries: 0, nextAt: at };
    assert.deepEqual(due, [{ seq, ...webhook, ...word }]);
    for (const except of [
      { seqs: [7, seq], apiKeyIds: [] },
      { seqs: [], apiKeyIds: ['key_1', 'key_2'] },
    ]) {
      assert.deepEqual(await after.dueWebhooks(at, 9, except), { due: [], nextAt: null });
    }
    await after.settleWebhook(seq, at + 5);
    assert.deepEqual(await after.dueWebhooks(at, 9, none), { due: [], nextAt: at + 5 });
    assert.equal((await after.dueWebhooks(at + 5, 9, none)).due[0]?.tries, 1);
    await after.settleWebhook(seq, null);
    assert.deepEqual(await after.dueWebhooks(at + 5, 9, none), { due: [], nextAt: null });
  });

  contract('makes word due that waits longer than it may after so many tries, and no other', async (place) => {
    const { queuedJobs } = await place.open();
    await endThreeWithWebhooks(queuedJobs);
    const none = { seqs: [], apiKeyIds: [] };
    const { due } = await queuedJobs.dueWebhooks(T0 + 20, 9, none);
    // The first was never tried, and the others once.
    await queuedJobs.settleWebhook(due[1]?.seq ?? 0, T0 + 5);
    await queuedJobs.settleWebhook(due[2]?.seq ?? 0, T0 + 6);
    await queuedJobs.recallWebhooks(T0, [0, 5]);
    assert.deepEqual(
      (await queuedJobs.dueWebhooks(T0, 9, none)).due.map(({ eventId, tries }) => [eventId, tries]),
      [
        ['e-job_1', 0],
        ['e-job_3', 1],
      ],
    );
    assert.deepEqual((await queuedJobs.dueWebhooks(T0, 9, none)).nextAt, T0 + 5);
  });

  contract('gives the word that is due longest first, and of what is due at once what came first', async (place) => {
    const { queuedJobs } = await place.open();
    await endThreeWithWebhooks(queuedJobs);
    const due = async (at: number, limit = 9) =>
      (await queuedJobs.dueWebhooks(at, limit, { seqs: [], apiKeyIds: [] })).due;
    // Put off, the last of them first, two of them until one moment.
    const [first, ...others] = await due(T0 + 20);
    for (const { seq } of others.toReversed()) await queuedJobs.settleWebhook(seq, T0 + 30);
    await queuedJobs.settleWebhook(first?.seq ?? 0, T0 + 31);
    for (const limit of [9, 2]) {
      assert.deepEqual(
        (await due(T0 + 31, limit)).map(({ eventId }) => eventId),
        ['e-job_2', 'e-job_3', 'e-job_1'].slice(0, limit),
      );
    }
  });

  contract('keeps the weights of keys', async (place) => {
    const { queuedJobs } = await place.open();
    for (const weight of [3, 5]) await queuedJobs.putKeyWeight('key_1', weight);
    assert.deepEqual(await queuedJobs.listKeyWeights(), [{ apiKeyId: 'key_1', weight: 5 }]);
  });
}
