import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Job, JobListItem } from '../../shared/api/jobs.ts';
import { runSparewatt } from '../support/command.ts';
import { type Pool, startPool } from '../support/pool.ts';
import { makeKey } from '../support/pool-admin.ts';
import { jobClient, submit } from '../support/queued-jobs.ts';
import { until } from '../support/until.ts';

describe('sparewatt jobs', () => {
  const data = mkdtempSync(join(tmpdir(), 'sparewatt-test-'));
  let pool: Pool;

  const jobs = (...args: string[]) =>
    runSparewatt(['jobs', ...args, '--relay', pool.relay.url, '--data', data], {
      env: { SPAREWATT_API_KEY: pool.relay.apiKey, SPAREWATT_ADMIN_TOKEN: pool.relay.adminToken },
    });
  const json = async <Value>(...args: string[]): Promise<Value> => {
    const { stdout, stderr } = await jobs(...args, '--json');
    assert.equal(stderr, '');
    return JSON.parse(stdout) as Value;
  };

  before(async () => {
    pool = await startPool();
    await pool.addNode();
  });
  after(async () => {
    await pool.close();
    rmSync(data, { recursive: true, force: true });
  });

  it('submits a job, waits for it and shows its result', async () => {
    const echo = ['submit', 'llm/inference', 'hello there', '--model', 'test/echo'];
    const done = await jobs(...echo, '--wait');
    assert.equal(done.code, 0, done.stderr);
    assert.match(done.stdout, /^job_\w+ {2}succeeded\n[\s\S]*attempt 1 {2}test-\w+ {2}succeeded\n\nhello there\n$/);
    const again = await json<Job & { result: { text: string } }>('show', done.stdout.split(' ')[0] ?? '');
    assert.deepEqual([again.state, again.result.text], ['succeeded', 'hello there']);
  });

  it('gives the same job for the same idempotency key, and takes what the API takes', async () => {
    const options = ['--priority', '-3', '--deadline', '60', '--max-attempts', '2', '--max-wait', '30'];
    const submit = ['submit', 'embed/text', '["a", "bc"]', '--idempotency-key', 'k', ...options];
    const { stdout: first } = await jobs(...submit);
    assert.match(first, /^job_\w+\n$/);
    const job = await json<Job>('show', first.trim());
    assert.deepEqual(
      [job.type, job.queue?.priority, job.queue?.maxAttempts, job.queue?.maxWaitMs],
      ['embed', -3, 2, 30_000],
    );
    assert.equal((await jobs(...submit)).stdout, first);
    const same = submit.filter((_, index) => index < 5);
    assert.match((await jobs(...same)).stderr, /another request.*idempotency_key_reused/);
  });

  it('lists the jobs in the states that are named, together or one by one, and names those there are', async () => {
    const { id: cancelled } = await json<Job>('submit', 'llm/inference', 'x', '--model', 'test/stuck');
    await jobs('cancel', cancelled);
    const { id: failed } = await json<Job>('submit', 'llm/inference', 'x', '--model', 'test/failing');
    await until(async () => (await json<Job>('show', failed)).state === 'failed');
    const idsOf = async (...args: string[]) => (await json<JobListItem[]>('list', ...args)).map(({ id }) => id);
    assert.deepEqual(await idsOf('--state', 'cancelled'), [cancelled]);
    assert.deepEqual(await idsOf('--state', 'failed', '--state', 'cancelled'), [failed, cancelled]);
    assert.deepEqual(await idsOf('--state', 'cancelled, failed', '--all', '--limit', '1'), [failed]);
    assert.deepEqual(await idsOf('--state', 'expired'), []);
    assert.equal((await jobs('list', '--state', 'expired')).stdout, 'No job is in this state: expired\n');
    const { stderr, code } = await jobs('list', '--state', 'failed,faild');
    assert.match(stderr, /"faild" is no state\. There are: awaiting_approval, queued, .*expired\./);
    assert.equal(code, 2);
  });

  it('cancels a job, which its exit code tells, and lists what there is', async () => {
    const { id } = await json<Job>('submit', 'llm/inference', 'x', '--model', 'test/stuck');
    assert.equal((await jobs('cancel', id)).stdout, `${id} has been cancelled.\n`);
    const shown = await jobs('show', id);
    assert.deepEqual([shown.code, shown.stdout.split('\n')[0]], [1, `${id}  cancelled`]);
    const [newest] = await json<JobListItem[]>('list');
    assert.deepEqual([newest?.id, newest?.state], [id, 'cancelled']);
    const { stdout } = await jobs('list', '--all', '--limit', '1');
    assert.match(stdout, new RegExp(`^JOB +STATE +AGE +MODEL\n${id} +cancelled +\\d+ s +test/stuck\n$`));
    const theirs = await submit(jobClient(pool, await makeKey(pool, { name: 'other' })), { model: 'test/stuck' });
    assert.equal((await jobs('cancel', theirs.id)).code, 1);
    assert.equal((await jobs('cancel', theirs.id, '--any-key')).stdout, `${theirs.id} has been cancelled.\n`);
    assert.equal((await jobs('show', 'job_none')).code, 1);
    assert.equal((await jobs('submit', 'llm/inference', 'x', '--priority', 'high')).code, 2);
  });
});
