/** The part of the time that an owner lets models compute, on a node without a screen. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { createDutyShare } from '../../../main/headless/inference/duty-share.ts';
import { filesInFolder } from '../../../main/headless/inference/folder-files.ts';
import { createWorkerRuntime } from '../../../main/headless/inference/worker-runtime.ts';
import type { Pace } from '../../../shared/runtimes/duty.ts';
import { serveInference } from '../../../shared/runtimes/serve-inference.ts';
import { loadModel } from '../../../shared/runtimes/transformers/engine.ts';
import type { FromWorker } from '../../../shared/runtimes/worker-protocol.ts';
import { createInbox } from '../../support/inbox.ts';
import { chain, piece, writeBigramModel } from '../../support/models/bigram-model.ts';
import { chatJob, collectLog, collectOutput, NEVER } from '../../support/runtimes/runtime-fixtures.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const CLOCK = chain(['tick ', 'tock '].map(piece), '<assistant>', piece('tick '));
const TELLING = new URL('../../support/runtimes/duty-telling-inference.ts', import.meta.url);

async function writeModel(context: TestContext, id: string): Promise<{ root: string; folder: string }> {
  const root = temporaryFolder(context);
  return { root, folder: await writeBigramModel(root, id, { transitions: CLOCK, contextLength: 1_000 }) };
}

test('models that work at once share the time that their owner gives, and who works alone has all of it', async () => {
  let limit = 60;
  const duty = createDutyShare(() => limit);
  const told: number[] = [];
  duty.onChange(() => told.push(duty.percent()));
  const jobs = ['a', 'a', 'b', 'c'].map((model) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    return { end: resolve, ended: duty.during(model, () => promise) };
  });
  assert.deepEqual(told.splice(0), [60, 30, 20]);
  for (const { end, ended } of jobs) {
    end();
    await ended;
  }
  assert.deepEqual(told.splice(0), [30, 60], 'a model works until its last job has ended');
  await assert.rejects(
    duty.during('a', () => Promise.reject(new Error('broken'))),
    /broken/,
  );
  limit = 100;
  duty.look();
  await Promise.all(['a', 'b'].map((model) => duty.during(model, async () => assert.equal(duty.percent(), 100))));
  assert.deepEqual(told, [100], 'nothing is told that has not changed');
});

test('each pass of a model goes through the pace of its worker, and the answer is the same', async (t) => {
  const { folder } = await writeModel(t, 'test/one');
  const answerOf = async (pace?: Pace): Promise<string> => {
    const options = { dtype: 'fp32', device: 'cpu', threads: 1, ...(pace === undefined ? {} : { pace }) };
    const model = await loadModel(filesInFolder(folder), options);
    const output = collectOutput();
    await model.run(chatJob('test/one', 'go', { maxTokens: 12 }), output, () => false);
    await model.dispose();
    return output.pieces.join('');
  };
  let passes = 0;
  const pace: Pace = {
    pass: (run) => {
      passes += 1;
      return run();
    },
    restAfter: () => undefined,
    now: () => performance.now(),
  };
  assert.equal(await answerOf(pace), await answerOf());
  // The prompt makes the first token.
  assert.equal(passes, 12);
});

test('a worker that rests hears a cancel, and confirms it without having rested', { timeout: 60_000 }, async (t) => {
  const { folder } = await writeModel(t, 'test/one');
  const words = createInbox<FromWorker>();
  const closed = Promise.withResolvers<void>();
  const handle = serveInference({
    post: words.push,
    openFiles: filesInFolder,
    openKernels: () => Promise.reject(new Error('none here')),
    close: closed.resolve,
  });
  const next = async (type: FromWorker['type']): Promise<FromWorker> => {
    for (;;) {
      const word = await words.next();
      if (word.type === type) return word;
    }
  };
  handle({ type: 'load', location: folder, dtype: 'fp32', device: 'cpu', threads: 1 });
  await next('loaded');
  // A pass of a millisecond is followed by hours of rest.
  handle({ type: 'duty', percent: 1e-5 });
  handle({ type: 'run', id: 1, job: chatJob('test/one', 'go', { maxTokens: 900 }), interrupt: null });
  await next('text');
  handle({ type: 'cancel', id: 1 });
  await next('cancelled');
  handle({ type: 'run', id: 2, job: chatJob('test/one', 'go', { maxTokens: 3 }), interrupt: null });
  // A limit that is lifted is lifted for what rests already.
  handle({ type: 'duty', percent: 100 });
  await next('done');
  handle({ type: 'unload' });
  await closed.promise;
});

test('the process of a model is told its part of the time, also when that changes and when it is a new one', async (t) => {
  const { root } = await writeModel(t, 'test/one');
  let limit = 40;
  const duty = createDutyShare(() => limit);
  const runtime = await createWorkerRuntime({
    models: ['test/one'],
    modelFolder: root,
    cacheFolder: root,
    preload: false,
    log: collectLog(),
    entry: TELLING,
    duty,
  });
  t.after(() => runtime.close());
  const told = async (): Promise<string> => {
    const output = collectOutput();
    await runtime.run(chatJob('test/one', 'go', {}), output, NEVER);
    return output.pieces.join('');
  };
  assert.equal(await told(), '40');
  limit = 100;
  duty.look();
  assert.equal(await told(), '100');
  limit = 25;
  duty.look();
  await runtime.freeMemory();
  assert.equal(await told(), '25');
});
