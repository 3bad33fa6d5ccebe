import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { createRecordKeeper, type KeptLimits } from '../../../relay/jobs/record-keeper.ts';
import { openRecordShelf } from '../../../relay/jobs/record-shelf.ts';
import type { JobStore } from '../../../relay/store/store.ts';
import { Problem } from '../../../shared/problems/problem.ts';
import { collectLog } from '../../support/log.ts';
import { isProblem } from '../../support/problems.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { until } from '../../support/until.ts';
import { makeSqlitePlace } from '../store/sqlite/sqlite-place.ts';
import { finishedJob } from '../store/store-records.ts';

/** A real store behind a disk that the test fills and frees, and a keeper that writes to it. */
async function startKeeper(t: TestContext, limits?: KeptLimits, shelfFile?: string) {
  const { jobs } = await (await makeSqlitePlace(t)).open();
  const disk = { isFull: false, losesAnswers: false };
  const store: Pick<JobStore, 'recordFinishedJob' | 'findJob'> = {
    findJob: (id) => jobs.findJob(id),
    recordFinishedJob: async (record) => {
      if (disk.isFull) throw new Problem('storage_failed', 'The disk is full.');
      const verdict = await jobs.recordFinishedJob(record);
      if (disk.losesAnswers) throw new Problem('storage_failed', 'The line broke.');
      return verdict;
    },
  };
  const log = collectLog();
  /** Lets the time pass after which it tries again, once for each time that it means to. */
  let pass: (() => void) | undefined;
  const later = (run: () => void, ms: number): (() => void) => {
    assert.deepEqual([ms, pass], [1_000, undefined]);
    const forget = (): void => {
      pass = undefined;
    };
    pass = () => {
      forget();
      run();
    };
    return forget;
  };
  const shelf = shelfFile === undefined ? undefined : openRecordShelf(shelfFile, log);
  const keeper = createRecordKeeper({ store, log, later, shelf, ...(limits === undefined ? {} : { limits }) });
  const write = (...ids: string[]) => Promise.all(ids.map((id) => keeper.write(finishedJob(id), 'desk-1')));
  const isWritable = (): boolean => {
    const { writable } = keeper.health();
    try {
      keeper.assertWritable();
      assert.equal(writable, true);
      return true;
    } catch (error) {
      assert.equal(writable, false);
      isProblem('storage_failed', /full|broke/)(error);
      assert.equal((error as Problem).retryAfterMs, 1_000);
      return false;
    }
  };
  const listed = async () => (await jobs.listJobs({ limit: 100 })).jobs.map(({ id }) => id).reverse();
  return {
    keeper,
    disk,
    log,
    store,
    write,
    isWritable,
    pass: () => pass?.(),
    isToTryAgain: () => pass !== undefined,
    listed,
  };
}

test('keeps what the disk refuses, lets no work in meanwhile, and writes it oldest first when there is room', async (t) => {
  const { keeper, disk, write, isWritable, pass, isToTryAgain, listed, log } = await startKeeper(t);
  await write('job_1');
  assert.deepEqual([isWritable(), isToTryAgain()], [true, false]);
  disk.isFull = true;
  await write('job_2', 'job_3');
  assert.equal(isWritable(), false);
  assert.equal(keeper.find('job_2')?.id, 'job_2');
  await write('job_4');
  pass();
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(isWritable(), false);
  disk.isFull = false;
  // Behind those that wait, though there is room by now.
  await write('job_5');
  pass();
  await until(isWritable);
  assert.deepEqual(await listed(), ['job_1', 'job_2', 'job_3', 'job_4', 'job_5']);
  assert.equal(isToTryAgain(), false);
  await keeper.close();
  assert.equal(isWritable(), true);
  assert.equal(keeper.find('job_2'), undefined);
  assert.deepEqual(log.lines, [
    'error the storage takes no writes: records of finished jobs are kept in memory, and no new work is let in',
    'info the storage takes writes again; the records that waited are written',
  ]);
});

test('keeps no more than its limits at a time, in number and in bytes, and says what is lost', async (t) => {
  const sizeBytes = JSON.stringify(finishedJob('job_1')).length;
  for (const limits of [
    { records: 2, bytes: 1e9 },
    { records: 1e9, bytes: 2.5 * sizeBytes },
  ]) {
    const { keeper, disk, write, isWritable, pass, listed, log } = await startKeeper(t, limits);
    disk.isFull = true;
    await write('job_1', 'job_2', 'job_3');
    disk.isFull = false;
    pass();
    await until(isWritable);
    disk.isFull = true;
    await write('job_4', 'job_5', 'job_6');
    disk.isFull = false;
    await keeper.close();
    assert.deepEqual(await listed(), ['job_1', 'job_2', 'job_4', 'job_5']);
    assert.equal(log.lines.filter((line) => /is lost: too many wait/.test(line)).length, 2);
  }
});

test('counts a record once whose commit nobody heard of', async (t) => {
  const { keeper, disk, write, isWritable, listed, log } = await startKeeper(t);
  disk.losesAnswers = true;
  await write('job_1');
  assert.equal(isWritable(), false);
  disk.losesAnswers = false;
  await keeper.close();
  assert.equal(isWritable(), true);
  assert.deepEqual(await listed(), ['job_1']);
  assert.equal(log.lines.filter((line) => /could not be recorded|lost/.test(line)).length, 0);
});

test('a record that is at fault itself keeps nobody out, nor those behind it', async (t) => {
  const { keeper, disk, write, isWritable, listed, log } = await startKeeper(t);
  const faulty = finishedJob('job_2', { receipt: finishedJob('job_1').receipt });
  await write('job_1');
  await keeper.write(faulty, 'desk-1');
  assert.equal(isWritable(), true);
  disk.isFull = true;
  await keeper.write(faulty, 'desk-1');
  await write('job_3');
  disk.isFull = false;
  await keeper.close();
  assert.deepEqual(await listed(), ['job_1', 'job_3']);
  assert.equal(log.lines.filter((line) => line === 'error a finished job could not be recorded').length, 2);
});

test('says how many are lost when the disk is full to the end', async (t) => {
  const { keeper, disk, write, listed, log } = await startKeeper(t);
  disk.isFull = true;
  await write('job_1', 'job_2');
  await keeper.close();
  assert.deepEqual(await listed(), []);
  assert.equal(
    log.lines.at(-1),
    'error the storage took no writes to the end: the records of so many finished jobs are lost',
  );
});

test('what the storage took none of to the end is written by the next relay, once and before anything else', async (t) => {
  const file = join(temporaryFolder(t), 'records.json');
  const first = await startKeeper(t, undefined, file);
  await first.write('job_1');
  first.disk.losesAnswers = true;
  await first.write('job_2');
  first.disk.isFull = true;
  await first.write('job_3');
  await first.keeper.close();
  assert.match(first.log.lines.at(-1) ?? '', /^warn .* lie in the data folder, and the next relay writes them$/);
  assert.deepEqual(await first.listed(), ['job_1', 'job_2']);
  const { keeper, store, log, pass, listed } = await startKeeper(t, undefined, file);
  // It has the database of the first, and so what that wrote and did not hear of.
  await store.recordFinishedJob(finishedJob('job_2'));
  assert.deepEqual(keeper.health(), { writable: true });
  await keeper.write(finishedJob('job_4'), 'desk-1');
  pass();
  await until(() => keeper.kept().length === 0);
  assert.deepEqual(await listed(), ['job_2', 'job_3', 'job_4']);
  await keeper.close();
  assert.equal(existsSync(file), false);
  assert.deepEqual(log.lines, ['info the storage takes writes again; the records that waited are written']);
});

test('a shelf that cannot be read keeps no relay from its work, and is lost to no later trouble', async (t) => {
  const file = join(temporaryFolder(t), 'records.json');
  writeFileSync(file, '[{"record":');
  const { keeper, disk, write, pass, listed, log } = await startKeeper(t, undefined, file);
  await write('job_1');
  disk.isFull = true;
  await write('job_2');
  disk.isFull = false;
  pass();
  await until(() => keeper.kept().length === 0);
  await keeper.close();
  assert.deepEqual(await listed(), ['job_1', 'job_2']);
  assert.equal(
    log.lines[0],
    'error records of finished jobs that an earlier relay has left cannot be read; they were put aside',
  );
  const [aside = ''] = readdirSync(dirname(file)).filter((name) => /^records\.damaged-\d+\.json$/.test(name));
  assert.equal(readFileSync(join(dirname(file), aside), 'utf8'), '[{"record":');
});
