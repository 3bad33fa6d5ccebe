import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { JobRecord, Store } from '../../../relay/store/store.ts';
import type { ProblemCode } from '../../../shared/problems/table.ts';
import { isProblem } from '../../support/problems.ts';
import { asKept, draftFor, finishedJob, keyRecord, nodeRecord, refusedJob, T0 } from './store-records.ts';

export type PlaceOptions = { maxSizeBytes?: number };

/** An empty home for one store, gone after the test. */
export type StorePlace = {
  /** Opens a store here, again and again. */
  open(options?: PlaceOptions): Promise<Store>;
  /** A place that holds what a loss of the process at this moment would leave. */
  afterCrash(): Promise<StorePlace>;
  /** What a store says that cannot be opened here. */
  readonly unusable: ProblemCode;
  /** Makes the data look as if a later version of the program had written it. */
  makeNewer(): Promise<void>;
};

/** Tells what every store owes. `makePlace` cleans up after the test it is given. */
export function describeStoreContract(name: string, makePlace: (t: TestContext) => Promise<StorePlace>): void {
  const contract = (sentence: string, prove: (place: StorePlace) => Promise<void>) =>
    test(`${name}: ${sentence}`, async (t) => prove(await makePlace(t)));
  describeJobs(contract);
  describeKeys(contract);
  describeNodes(contract);
  describeWrites(contract);
  describeFailures(contract);
}

type Contract = (sentence: string, prove: (place: StorePlace) => Promise<void>) => void;

function describeJobs(contract: Contract): void {
  contract('gives a finished job back as it was recorded', async (place) => {
    const { jobs } = await place.open();
    const job = finishedJob('job_1');
    await jobs.recordFinishedJob(job);
    const kept = asKept(job);
    assert.deepEqual(await jobs.findJob('job_1'), kept);
    assert.deepEqual(await jobs.findReceipt('rcpt_of_job_1'), kept.receipt);
    assert.deepEqual(await jobs.receiptOfJob('job_1'), kept.receipt);
  });

  contract(
    'shows a job to whoever asks after it was handed over, though its commit is still to come',
    async (place) => {
      const { jobs } = await place.open();
      await jobs.recordFinishedJob(finishedJob('job_1'));
      assert.equal(await jobs.findJob('job_599'), undefined);
      // More than share a commit.
      const ids = Array.from({ length: 600 }, (_, index) => `job_${index}`).filter((id) => id !== 'job_1');
      const writing = Promise.all(ids.map((id) => jobs.recordFinishedJob(finishedJob(id))));
      assert.equal((await jobs.findJob('job_599'))?.id, 'job_599');
      await writing;
    },
  );

  contract('keeps every attempt with its node, epoch, times and reason', async (place) => {
    const { jobs } = await place.open();
    const [last] = finishedJob('job_2').attempts;
    assert.ok(last);
    const lost = { ...last, nodeId: 'lab-1', epoch: 9, state: 'failed' as const, firstTokenAt: null, startedAt: null };
    const problem = { code: 'node_lost', detail: 'The node vanished while it worked' };
    const job = finishedJob('job_2', {
      attempts: [
        { ...lost, problem },
        { ...last, attempt: 2 },
      ],
    });
    await jobs.recordFinishedJob(job);
    assert.deepEqual(await jobs.findJob('job_2'), asKept(job));
  });

  contract('keeps a job that reached no node and left no receipt', async (place) => {
    const { jobs } = await place.open();
    await jobs.recordFinishedJob(refusedJob('job_3'));
    assert.deepEqual(await jobs.findJob('job_3'), asKept(refusedJob('job_3')));
    assert.equal(await jobs.receiptOfJob('job_3'), undefined);
  });

  contract('knows nothing of jobs and receipts that never were', async (place) => {
    const { jobs } = await place.open();
    assert.equal(await jobs.findJob('job_x'), undefined);
    assert.equal(await jobs.findReceipt('rcpt_x'), undefined);
    assert.equal(await jobs.receiptOfJob('job_x'), undefined);
    assert.deepEqual(await jobs.listJobs({ limit: 5 }), { jobs: [], next: null });
    assert.deepEqual(await jobs.countJobsByState(), { succeeded: 0, failed: 0, cancelled: 0, expired: 0 });
  });

  contract('lists jobs newest first and page by page, without a gap or a repeat', async (place) => {
    const { jobs } = await place.open();
    const ids = Array.from({ length: 7 }, (_, index) => `job_${index}`);
    for (const id of ids) await jobs.recordFinishedJob(finishedJob(id));
    const seen: string[] = [];
    let before: string | undefined;
    for (let pages = 0; pages < 3; pages += 1) {
      const page = await jobs.listJobs({ limit: 3, before });
      seen.push(...page.jobs.map((job) => job.id));
      before = page.next ?? undefined;
    }
    assert.deepEqual(seen, ids.toReversed());
    assert.equal(before, undefined);
  });

  contract('ends a list with next null when the last page is exactly full', async (place) => {
    const { jobs } = await place.open();
    for (const id of ['job_a', 'job_b']) await jobs.recordFinishedJob(finishedJob(id));
    assert.equal((await jobs.listJobs({ limit: 2 })).next, null);
    assert.equal((await jobs.listJobs({ limit: 1 })).next, 'job_b');
  });

  contract('refuses a list before a job that does not exist', async (place) => {
    const { jobs } = await place.open();
    await assert.rejects(jobs.listJobs({ limit: 3, before: 'job_x' }), isProblem('invalid_value', /next/));
  });

  contract('counts jobs by state', async (place) => {
    const { jobs } = await place.open();
    await jobs.recordFinishedJob(finishedJob('job_1'));
    await jobs.recordFinishedJob(finishedJob('job_2'));
    await jobs.recordFinishedJob(refusedJob('job_3'));
    await jobs.recordFinishedJob(finishedJob('job_4', { state: 'cancelled', receipt: null }));
    assert.deepEqual(await jobs.countJobsByState(), { succeeded: 2, failed: 1, cancelled: 1, expired: 0 });
  });

  contract('forgets old jobs without a receipt, page by page, and nothing that a receipt belongs to', async (place) => {
    const { jobs } = await place.open();
    const endedAt = (job: JobRecord, finishedAt: number): JobRecord => ({ ...job, finishedAt });
    await jobs.recordFinishedJob(endedAt(refusedJob('job_1'), T0));
    await jobs.recordFinishedJob(endedAt(finishedJob('job_2'), T0));
    await jobs.recordFinishedJob(endedAt(finishedJob('job_3', { state: 'cancelled', receipt: null }), T0 + 1));
    await jobs.recordFinishedJob(endedAt(refusedJob('job_4'), T0 + 2));
    await jobs.recordFinishedJob(endedAt(refusedJob('job_5'), T0 + 3));
    const counts = await jobs.countJobsByState();
    const first = await jobs.forgetJobs({ finishedBefore: T0 + 2, after: 0, limit: 2 });
    assert.deepEqual([first.forgotten, first.isDone], [1, false]);
    const second = await jobs.forgetJobs({ finishedBefore: T0 + 2, after: first.reached, limit: 2 });
    assert.deepEqual([second.forgotten, second.isDone], [1, true]);
    const ids = async () => (await jobs.listJobs({ limit: 9 })).jobs.map(({ id }) => id);
    assert.deepEqual(await ids(), ['job_5', 'job_4', 'job_2']);
    assert.equal(await jobs.findJob('job_3'), undefined);
    assert.ok(await jobs.receiptOfJob('job_2'));
    const last = await jobs.forgetJobs({ finishedBefore: T0 + 99, after: second.reached, limit: 9 });
    assert.deepEqual([last.forgotten, last.isDone], [1, true]);
    assert.deepEqual(await ids(), ['job_5', 'job_2'], 'the newest stays');
    assert.deepEqual(await jobs.countJobsByState(), counts);
    await jobs.recordFinishedJob(endedAt(refusedJob('job_6'), T0 + 4));
    assert.deepEqual(await ids(), ['job_6', 'job_5', 'job_2']);
  });

  contract('refuses to record a job twice and keeps the first', async (place) => {
    const { jobs } = await place.open();
    await jobs.recordFinishedJob(finishedJob('job_1'));
    await assert.rejects(jobs.recordFinishedJob(refusedJob('job_1')));
    assert.deepEqual(await jobs.findJob('job_1'), asKept(finishedJob('job_1')));
    assert.deepEqual(await jobs.countJobsByState(), { succeeded: 1, failed: 0, cancelled: 0, expired: 0 });
  });
}

function describeKeys(contract: Contract): void {
  contract('finds a key by its hash and lists keys oldest first', async (place) => {
    const { keys } = await place.open();
    const limits = { models: ['a/b', 'c'], requestsPerMinute: 5, tokensPerMinute: 1_000_000, maxParallelRequests: 3 };
    const scopes = ['inference', 'models'];
    const description = 'answers „für“ the forum';
    const first = keyRecord('key_1', { description, scopes, expiresAt: T0 + 5, lastUsedAt: T0, ...limits });
    assert.deepEqual(await keys.putKey(first), first);
    const second = keyRecord('key_2', {
      ...{ scopes: [], hmac: true, accountId: 'key_1' },
      ...{ budgetMicro: 1_000_000_000_000_000, budgetDuration: '1mo', softBudgetMicro: 7 },
    });
    await keys.putKey(second);
    assert.deepEqual(await keys.findKeyByHash(first.hash), first);
    assert.equal(await keys.findKeyByHash('hash_of_nothing'), undefined);
    assert.deepEqual(await keys.listKeys(), [first, second]);
  });

  contract('leaves a key as it is when it is put again', async (place) => {
    const { keys } = await place.open();
    await keys.putKey(keyRecord('key_1'));
    await keys.revokeKey('key_1', T0 + 1);
    const again = await keys.putKey(keyRecord('key_1', { name: 'other name' }));
    assert.deepEqual(again, keyRecord('key_1', { revokedAt: T0 + 1 }));
    // Also one that has only its hash, or only its id.
    for (const other of [keyRecord('key_2', { hash: again.hash }), keyRecord('key_1', { hash: 'another' })]) {
      assert.deepEqual(await keys.putKey(other), again);
    }
    assert.deepEqual(await keys.listKeys(), [again]);
  });

  contract('revokes a key for good and says whether there was one', async (place) => {
    const { keys } = await place.open();
    await keys.putKey(keyRecord('key_1'));
    assert.equal(await keys.revokeKey('key_1', T0 + 1), true);
    assert.equal(await keys.revokeKey('key_1', T0 + 2), true);
    assert.equal(await keys.revokeKey('key_x', T0), false);
    assert.equal((await keys.findKeyByHash('hash_of_key_1'))?.revokedAt, T0 + 1);
  });

  contract('lets a key end at a time, but never later than it would', async (place) => {
    const { keys } = await place.open();
    await keys.putKey(keyRecord('key_1'));
    assert.equal(await keys.expireKey('key_1', T0 + 10), true);
    assert.equal(await keys.expireKey('key_1', T0 + 20), true);
    assert.equal((await keys.findKeyByHash('hash_of_key_1'))?.expiresAt, T0 + 10);
    assert.equal(await keys.expireKey('key_x', T0), false);
  });

  contract('changes of a key what is said and nothing else, and limits for all keys of its account', async (place) => {
    const { keys } = await place.open();
    const first = keyRecord('key_1', { models: ['a'], expiresAt: T0 + 5, requestsPerMinute: 2, creditLimitMicro: 0 });
    const [second, other] = [keyRecord('key_2', { accountId: 'key_1' }), keyRecord('key_3')];
    for (const key of [first, second, other]) await keys.putKey(key);
    const own = { name: 'anew', description: '„x“', scopes: ['jobs', 'usage'], models: null, expiresAt: null };
    assert.deepEqual(await keys.changeKey('key_1', own), { ...first, ...own });
    const limits = {
      requestsPerMinute: null,
      maxParallelRequests: 4,
      budgetMicro: 9_000_000_000,
      budgetDuration: '30d',
    };
    await keys.changeKey('key_2', limits);
    await Promise.all([keys.changeKey('key_2', { softBudgetMicro: 1 }), keys.changeKey('key_1', { models: ['b'] })]);
    const shared = { ...limits, tokensPerMinute: null, creditLimitMicro: null, softBudgetMicro: 1 };
    const changed = { ...first, ...own, ...shared, models: ['b'] };
    assert.deepEqual(await keys.listKeys(), [changed, { ...second, ...shared }, other]);
    assert.deepEqual(await keys.findKeyByHash(first.hash), changed);
  });

  contract('changes no key that was revoked or never was', async (place) => {
    const { keys } = await place.open();
    await keys.putKey(keyRecord('key_1'));
    await keys.revokeKey('key_1', T0 + 1);
    for (const id of ['key_1', 'key_x']) assert.equal(await keys.changeKey(id, { name: 'anew' }), undefined);
    assert.deepEqual(await keys.listKeys(), [keyRecord('key_1', { revokedAt: T0 + 1 })]);
  });

  contract('moves the last use of many keys forward and never back', async (place) => {
    const { keys } = await place.open();
    await keys.putKey(keyRecord('key_1'));
    await keys.putKey(keyRecord('key_2', { lastUsedAt: T0 + 50 }));
    await keys.touchKeys([
      { keyId: 'key_1', usedAt: T0 + 10 },
      { keyId: 'key_2', usedAt: T0 + 10 },
      { keyId: 'key_x', usedAt: T0 + 10 },
    ]);
    await keys.touchKeys([]);
    await keys.touchKeys([{ keyId: 'key_1', usedAt: T0 + 11 }]);
    assert.deepEqual(
      (await keys.listKeys()).map((key) => [key.keyId, key.lastUsedAt]),
      [
        ['key_1', T0 + 11],
        ['key_2', T0 + 50],
      ],
    );
  });
}

function describeNodes(contract: Contract): void {
  contract('remembers a node and answers with what was stored first', async (place) => {
    const { nodes } = await place.open();
    assert.deepEqual(await nodes.rememberNode(nodeRecord('desk-1')), nodeRecord('desk-1'));
    const again = await nodes.rememberNode(nodeRecord('desk-1', { name: 'renamed', firstSeenAt: T0 + 9 }));
    assert.deepEqual(again, nodeRecord('desk-1'));
    await nodes.rememberNode(nodeRecord('lab-2'));
    assert.deepEqual(await nodes.findNode('lab-2'), nodeRecord('lab-2'));
    assert.equal(await nodes.findNode('lab-3'), undefined);
    assert.deepEqual(
      (await nodes.listNodes()).map((node) => node.nodeId),
      ['desk-1', 'lab-2'],
    );
  });

  contract('refuses another key for a node id that is taken', async (place) => {
    const { nodes } = await place.open();
    await nodes.rememberNode(nodeRecord('desk-1'));
    const thief = nodeRecord('desk-1', { publicKey: 'U_other' });
    await assert.rejects(nodes.rememberNode(thief), isProblem('node_identity_taken', /desk-1/));
    assert.deepEqual(await nodes.findNode('desk-1'), nodeRecord('desk-1'));
  });

  contract('gives two keys that claim one node id at once to one of them only', async (place) => {
    const { nodes } = await place.open();
    const claims = ['U_a', 'U_b'].map((publicKey) => nodes.rememberNode(nodeRecord('desk-1', { publicKey })));
    const outcomes = (await Promise.allSettled(claims)).map((outcome) => outcome.status);
    assert.deepEqual(outcomes.toSorted(), ['fulfilled', 'rejected']);
  });

  contract('counts the epochs of each node upward, also when asked many times at once', async (place) => {
    const { nodes } = await place.open();
    const epochs = await Promise.all(Array.from({ length: 50 }, () => nodes.nextEpoch('desk-1')));
    assert.deepEqual(
      epochs,
      Array.from({ length: 50 }, (_, index) => index + 1),
    );
    assert.equal(await nodes.nextEpoch('lab-2'), 1);
  });

  contract('never gives an epoch again after a restart or a crash', async (place) => {
    const store = await place.open();
    assert.equal(await store.nodes.nextEpoch('desk-1'), 1);
    const crashed = await (await place.afterCrash()).open();
    assert.equal(await crashed.nodes.nextEpoch('desk-1'), 2);
    await store.close();
    assert.equal(await (await place.open()).nodes.nextEpoch('desk-1'), 2);
  });
}

function describeWrites(contract: Contract): void {
  contract('holds after a crash everything that it had acknowledged', async (place) => {
    const store = await place.open();
    const ids = Array.from({ length: 200 }, (_, index) => `job_${index}`);
    await Promise.all(ids.map((id) => store.jobs.recordFinishedJob(finishedJob(id))));
    await store.keys.putKey(keyRecord('key_1'));
    const crashed = await (await place.afterCrash()).open();
    for (const id of ids) assert.deepEqual(await crashed.jobs.findJob(id), asKept(finishedJob(id)));
    assert.deepEqual(await crashed.keys.listKeys(), [keyRecord('key_1')]);
    assert.equal((await crashed.jobs.countJobsByState()).succeeded, 200);
  });

  contract('keeps the good writes of a batch and refuses the bad one whole', async (place) => {
    const { jobs } = await place.open();
    const takenReceipt = finishedJob('job_bad', { receipt: draftFor('job_bad', 'rcpt_of_job_1') });
    const halfMs = finishedJob('job_half', { finishedAt: T0 + 0.5 });
    const records = [finishedJob('job_1'), takenReceipt, finishedJob('job_2'), halfMs, refusedJob('job_3')];
    const outcomes = await Promise.allSettled(records.map((record) => jobs.recordFinishedJob(record)));
    assert.deepEqual(
      outcomes.map((outcome) => outcome.status),
      ['fulfilled', 'rejected', 'fulfilled', 'rejected', 'fulfilled'],
    );
    assert.deepEqual(
      (await jobs.listJobs({ limit: 9 })).jobs.map((job) => job.id),
      ['job_3', 'job_2', 'job_1'],
    );
    assert.equal(await jobs.findJob('job_bad'), undefined);
    assert.deepEqual(await jobs.countJobsByState(), { succeeded: 2, failed: 1, cancelled: 0, expired: 0 });
  });

  contract('finishes every accepted write when it is closed, and takes none after', async (place) => {
    const store = await place.open();
    const written = Array.from({ length: 1_500 }, (_, index) =>
      store.jobs.recordFinishedJob(finishedJob(`job_${index}`)),
    );
    await Promise.all([store.close(), store.close()]);
    await Promise.all(written);
    await assert.rejects(store.jobs.recordFinishedJob(finishedJob('job_late')), isProblem('draining', /shutting down/));
    assert.deepEqual((await store.health()).writable, false);
    const { jobs } = await place.open();
    assert.equal((await jobs.countJobsByState()).succeeded, 1_500);
  });
}

function describeFailures(contract: Contract): void {
  contract('refuses data that a newer version wrote', async (place) => {
    await (await place.open()).close();
    await place.makeNewer();
    await assert.rejects(place.open(), isProblem(place.unusable, /newer/));
  });

  contract('says when the disk is full, keeps what it has and goes on once there is room', async (place) => {
    const store = await place.open({ maxSizeBytes: SMALL_BYTES });
    assert.deepEqual(await store.health(), { writable: true });
    const kept = await fillUp(store);
    const health = await store.health();
    assert.ok(!health.writable && /full.*\.$/s.test(health.reason), JSON.stringify(health));
    assert.equal((await store.jobs.countJobsByState()).succeeded, kept);
    await store.close();
    await assert.rejects(place.open({ maxSizeBytes: SMALL_BYTES }), isProblem(place.unusable, /full/));
    const roomier = await place.open({ maxSizeBytes: 1024 * 1024 });
    assert.deepEqual(await roomier.health(), { writable: true });
    assert.equal((await roomier.jobs.countJobsByState()).succeeded, kept);
    await roomier.jobs.recordFinishedJob(finishedJob('job_after'));
  });
}

/** Room for the tables and some jobs. */
const SMALL_BYTES = 384 * 1024;

/** Records jobs until one is refused; answers how many were kept. */
async function fillUp(store: Store): Promise<number> {
  for (let count = 0; ; count += 1) {
    assert.ok(count < 10_000, 'the store never filled up');
    try {
      await store.jobs.recordFinishedJob(finishedJob(`job_${count}`));
    } catch (error) {
      isProblem('storage_failed', /full/)(error);
      return count;
    }
  }
}
