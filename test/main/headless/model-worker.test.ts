/** An owner who takes the machine back while a model is on its way to memory, without a screen. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { createModelWorker } from '../../../main/headless/inference/model-worker.ts';
import { Problem } from '../../../shared/problems/problem.ts';
import { isProblem } from '../../support/problems.ts';
import { processOfModel, withKeeper } from '../../support/runtimes/model-processes.ts';
import { chatJob, collectOutput, NEVER } from '../../support/runtimes/runtime-fixtures.ts';
import { until } from '../../support/until.ts';

const MODEL = 'test/slow';
const FAULTY = new URL('../../support/runtimes/faulty-inference.ts', import.meta.url);

/** A model that takes for ever to load, as a large one on a slow disk seems to. */
function open(t: TestContext) {
  const faults: string[] = [];
  const clock = { now: 0 };
  const worker = createModelWorker({
    model: MODEL,
    prepare: async () => ({ location: 'HANGS', dtype: 'fp32', device: 'cpu', threads: 1 }),
    onState: () => undefined,
    onFault: (what) => void faults.push(what),
    cancelGraceMs: 50,
    now: () => clock.now,
    entry: FAULTY,
  });
  t.after(() => worker.close());
  const isLoading = () => until(() => processOfModel(MODEL) !== undefined);
  return { worker, faults, clock, isLoading };
}

test('a model that is only loaded ahead of its jobs leaves when memory is wanted, which is no fault of it', async (t) => {
  const { worker, faults, isLoading } = open(t);
  const ahead = worker.warmUp();
  await isLoading();
  await worker.release();
  await ahead;
  assert.deepEqual([withKeeper(MODEL), faults], [[], []]);
});

test('a model whose job was handed back while it loaded leaves, and one that a job waits for stays', async (t) => {
  const { worker, isLoading } = open(t);
  const abort = new AbortController();
  const job = worker.run(chatJob(MODEL, 'go'), collectOutput(), abort.signal);
  const lost = assert.rejects(job, isProblem('handed_back', /The owner plays|It moves/));
  await isLoading();
  await worker.release();
  assert.equal(withKeeper(MODEL).length, 2);
  abort.abort(new Problem('handed_back', 'The owner plays.'));
  await lost;
  await worker.release();
  assert.deepEqual(withKeeper(MODEL), []);
});

test('files that are checked ahead of a load are checked no further when memory is wanted, or the node stops', async (t) => {
  const checks: AbortSignal[] = [];
  const worker = createModelWorker({
    model: MODEL,
    prepare: (signal) => {
      checks.push(signal);
      return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    },
    onState: () => undefined,
    onFault: () => assert.fail('it is no fault'),
    cancelGraceMs: 50,
  });
  t.after(() => worker.close());
  const ahead = worker.warmUp();
  await worker.release();
  await ahead;
  const job = worker.run(chatJob(MODEL, 'go'), collectOutput(), NEVER);
  const lost = assert.rejects(job, isProblem('node_fault', /stopping/));
  await until(() => checks.length === 2);
  await worker.release();
  assert.equal(checks[1]?.aborted, false, 'a job waits for it');
  await worker.close();
  await lost;
});

test('a load that was given up while it was prepared starts no process, whoever prepares it', async (t) => {
  const prepared = Promise.withResolvers<{ location: string; dtype: string; device: string; threads: number }>();
  const worker = createModelWorker({
    model: MODEL,
    prepare: () => prepared.promise,
    onState: () => undefined,
    onFault: () => undefined,
    cancelGraceMs: 50,
    entry: FAULTY,
  });
  t.after(() => worker.close());
  const ahead = worker.warmUp();
  await worker.release();
  prepared.resolve({ location: 'HANGS', dtype: 'fp32', device: 'cpu', threads: 1 });
  await ahead;
  assert.deepEqual(withKeeper(MODEL), []);
});

test('a job that comes while a model is loaded ahead keeps it, and it counts as used from the end of its loading on', async (t) => {
  const { worker, clock, isLoading } = open(t);
  const ahead = worker.warmUp();
  ahead.catch(() => undefined);
  await isLoading();
  const job = worker.run(chatJob(MODEL, 'go'), collectOutput(), NEVER);
  job.catch(() => undefined);
  await worker.release();
  assert.equal(withKeeper(MODEL).length, 2);
  clock.now = 7;
  await worker.restart(new Problem('handed_back', 'It moves.'));
  await assert.rejects(job, isProblem('handed_back', /The owner plays|It moves/));
  await assert.rejects(ahead, isProblem('handed_back', /The owner plays|It moves/));
  assert.equal(worker.idleSince(), 7);
});
