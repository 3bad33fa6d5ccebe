import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PastUse, RateLimits } from '../../../relay/access/rate-limits.ts';
import { type RecallPorts, recallUses } from '../../../relay/access/recall-uses.ts';
import { newId } from '../../../relay/jobs/id.ts';
import type { ListedJob } from '../../../relay/store/queued-job-store.ts';
import type { JobPage, KeyRecord } from '../../../relay/store/store.ts';
import { finishedJob, keyRecord, T0 } from '../store/store-records.ts';

const MINUTE = 60_000;
const ago = (minutes: number): number => T0 - minutes * MINUTE;

type Left = { keys: KeyRecord[]; ended?: JobPage['jobs']; live?: ListedJob[]; lines?: string[]; pages?: number };

/** What is counted of each account for what an earlier relay has left, and how many pages of ended jobs were read for it. */
async function recalled({ keys, ended = [], live = [], lines = [], pages = 1 }: Left) {
  const counted: Record<string, readonly PastUse[]> = {};
  let read = 0;
  const store: RecallPorts['store'] = {
    keys: { listKeys: async () => keys },
    jobs: {
      listJobs: async ({ before }) => {
        read += 1;
        assert.equal(before, read === 1 ? undefined : `page ${read}`);
        return { jobs: ended, next: read < pages ? `page ${read + 1}` : null };
      },
    },
    queuedJobs: {
      listLineJobs: async (behindId) => {
        assert.ok(behindId > newId('job', ago(11)) && behindId < newId('job', ago(9)));
        return lines;
      },
      listAllJobs: async ({ states }) => ({ jobs: live.filter(({ state }) => states?.includes(state)), next: null }),
    },
  };
  const recall: RateLimits['recall'] = (accountId, _limits, uses) => {
    counted[accountId] = uses;
  };
  await recallUses({ store, rateLimits: { recall } as RateLimits, now: () => T0 });
  return { counted, read };
}

const job = (apiKeyId: string, createdAt: number, finishedAt: number, tokens: number | null): JobPage['jobs'][number] =>
  finishedJob('job', {
    ...{ apiKeyId, createdAt, finishedAt },
    usage: tokens === null ? null : { inputTokens: tokens - 1, outputTokens: 1 },
  });

const LIMITED = keyRecord('key_a', { requestsPerMinute: 5 });

test('lines of a batch are no requests, and their tokens are used all the same', async () => {
  const { counted } = await recalled({
    keys: [LIMITED],
    ended: [
      { ...job('key_a', ago(3), ago(1), 12), id: 'job_line' },
      { ...job('key_a', ago(3), ago(2), 5), id: 'job_asked' },
    ],
    live: [{ ...job('key_a', ago(5), 0, null), id: 'job_waits', state: 'queued', finishedAt: null }],
    lines: ['job_line', 'job_waits'],
  });
  assert.deepEqual(counted.key_a, [
    { at: ago(3), requests: 1, tokens: 0 },
    { at: ago(2), requests: 0, tokens: 5 },
    { at: ago(1), requests: 0, tokens: 12 },
  ]);
});

test('counts requests when they came and tokens when they were used, of the last ten minutes, in order', async () => {
  const { counted } = await recalled({
    keys: [LIMITED, keyRecord('key_b')],
    ended: [
      job('key_a', ago(3), ago(1), 12),
      job('key_b', ago(3), ago(1), 99),
      job('key_a', ago(4), ago(2), null),
      job('key_a', ago(11), ago(9), 7),
      job('key_a', ago(30), ago(10), 50),
    ],
    live: [
      { ...job('key_a', ago(5), 0, null), state: 'running', finishedAt: null },
      { ...job('key_a', ago(7), 0, null), state: 'assigned', finishedAt: null },
      { ...job('key_a', ago(8), 0, null), state: 'queued', finishedAt: null },
      { ...job('key_a', ago(6), 0, null), state: 'awaiting_approval', finishedAt: null },
      { ...job('key_a', ago(60), 0, null), state: 'queued', finishedAt: null },
    ],
  });
  const request = (minutes: number): PastUse => ({ at: ago(minutes), requests: 1, tokens: 0 });
  const tokens = (minutes: number, used: number): PastUse => ({ at: ago(minutes), requests: 0, tokens: used });
  assert.deepEqual(counted, {
    key_a: [
      tokens(9, 7),
      request(8),
      request(7),
      request(6),
      request(5),
      request(4),
      request(3),
      tokens(2, 0),
      tokens(1, 12),
    ],
  });
});

test('keys that replaced one another share what was used, and a key that was revoked needs nothing', async () => {
  const rotated = keyRecord('key_new', { accountId: 'key_a', tokensPerMinute: 10 });
  const revoked = keyRecord('key_old', { requestsPerMinute: 5, revokedAt: T0 });
  const byTokens = keyRecord('key_t', { tokensPerMinute: 10 });
  const keys = [LIMITED, rotated, revoked, byTokens];
  const { counted } = await recalled({ keys, ended: [job('key_a', ago(2), ago(1), 3)] });
  assert.deepEqual(Object.keys(counted), ['key_a', 'key_t']);
  assert.equal(counted.key_a?.length, 2);
});

test('reads no jobs where no key has a limit, no further than the last recent ones, and not without end', async () => {
  const old = [job('key_a', ago(30), ago(20), 5)];
  const recent = [...old, job('key_b', ago(2), ago(1), 5)];
  assert.equal((await recalled({ keys: [keyRecord('key_b')], ended: recent, pages: 9 })).read, 0);
  assert.equal((await recalled({ keys: [LIMITED], ended: old, pages: 9 })).read, 1);
  assert.equal((await recalled({ keys: [LIMITED], ended: recent, pages: 9 })).read, 9);
  assert.equal((await recalled({ keys: [LIMITED], ended: recent, pages: 99 })).read, 20);
});
