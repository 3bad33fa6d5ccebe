import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { before, describe, type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import {
  createWorkerRuntime,
  defaultThreads,
  threadsFor,
  type WorkerRuntimeOptions,
} from '../../../main/headless/inference/worker-runtime.ts';
import type { Runtime } from '../../../shared/runtimes/runtime.ts';
import {
  chain,
  piece,
  sealModel,
  type Transitions,
  writeBigramModel,
  writeTableEncoder,
} from '../../support/models/bigram-model.ts';
import { isProblem } from '../../support/problems.ts';
import { chatJob, collectLog, collectOutput, embedJob, NEVER } from '../../support/runtimes/runtime-fixtures.ts';
import { sharedFolder } from '../../support/temporary-folder.ts';

const WORDS = chain([piece('one '), piece('two '), piece('three')]);
const CLOCK: Transitions = chain([piece('tick '), piece('tock ')], '<assistant>', piece('tick '));
const FAULTY = new URL('../../support/runtimes/faulty-inference.ts', import.meta.url);

describe('the worker runtime', () => {
  const modelFolder = sharedFolder();

  before(async () => {
    await writeBigramModel(modelFolder, 'test/words', { transitions: WORDS });
    await writeBigramModel(modelFolder, 'test/clock', { transitions: CLOCK, contextLength: 100_000 });
    await writeTableEncoder(modelFolder, 'test/table', { width: 3, row: (byte) => [byte, 1, 2] });
  });

  async function start(context: TestContext, options: Partial<WorkerRuntimeOptions> = {}): Promise<Runtime> {
    const runtime = await createWorkerRuntime({
      models: ['test/words'],
      modelFolder,
      cacheFolder: join(modelFolder, 'cache'),
      preload: false,
      log: collectLog(),
      ...options,
    });
    context.after(() => runtime.close());
    return runtime;
  }

  async function ask(runtime: Runtime, model = 'test/words', prompt = 'hi'): Promise<string> {
    const output = collectOutput();
    await runtime.run(chatJob(model, prompt), output, NEVER);
    return output.pieces.join('');
  }

  test('answers a chat and says what ran it', async (context) => {
    const runtime = await start(context);
    const output = collectOutput();
    const result = await runtime.run(chatJob('test/words', 'hi'), output, NEVER);
    assert.equal(output.pieces.join(''), 'one two three');
    assert.equal(result.finishReason, 'stop');
    const { digest, ...execution } = result.execution;
    assert.deepEqual(execution, { runtime: 'transformers.js', device: 'cpu', dtype: 'fp32', revision: 'test' });
    assert.match(digest ?? '', /^[0-9a-f]{64}$/);
  });

  test('embeds in a worker and hands the vectors over', async (context) => {
    const runtime = await start(context, { models: ['test/table'] });
    const output = collectOutput();
    const result = await runtime.run(embedJob('test/table', ['a', 'bb']), output, NEVER);
    assert.equal(output.rows.size, 2);
    assert.deepEqual(result.usage, { inputTokens: 3, outputTokens: 0 });
  });

  test('lists its models and tells when one is in memory', async (context) => {
    const runtime = await start(context, { models: ['test/words', 'test/table'] });
    assert.deepEqual(
      runtime.models().map((model) => [model.name, model.type, model.state, model.dimensions]),
      [
        ['test/words', 'llm', 'installed', undefined],
        ['test/table', 'embed', 'installed', 3],
      ],
    );
    let changes = 0;
    runtime.onChange(() => changes++);
    await ask(runtime);
    assert.deepEqual([changes, runtime.models()[0]?.state, runtime.models()[1]?.state], [1, 'warm', 'installed']);
  });

  test('says of a model that leaves what cannot be read as a failure', async (context) => {
    const lines: string[] = [];
    const runtime = await start(context, { log: { ...collectLog(), info: (line) => void lines.push(line) } });
    await ask(runtime);
    await runtime.close();
    assert.deepEqual(lines, ["'test/words' is in memory.", "'test/words' has given its memory back."]);
  });

  test('loads every model at once when it is to preload', async (context) => {
    const runtime = await start(context, { models: ['test/words', 'test/table'], preload: true });
    const warm = Promise.withResolvers<void>();
    runtime.onChange(() => {
      if (runtime.models().every((model) => model.state === 'warm')) warm.resolve();
    });
    await warm.promise;
  });

  test('refuses a model it does not serve', async (context) => {
    const runtime = await start(context);
    await assert.rejects(ask(runtime, 'test/other'), isProblem('model_not_found', /test\/other/));
  });

  test('passes a problem of the job on with its parameter', async (context) => {
    const runtime = await start(context);
    await assert.rejects(ask(runtime, 'test/words', 'x'.repeat(600)), {
      code: 'context_length_exceeded',
      param: 'messages',
    });
    assert.equal(await ask(runtime), 'one two three');
  });

  test('answers many chats at a time, each with its own text', async (context) => {
    const runtime = await start(context);
    const answers = await Promise.all(Array.from({ length: 16 }, () => ask(runtime)));
    assert.deepEqual(new Set(answers), new Set(['one two three']));
  });

  test('stops a running job with the reason of its signal and gives out nothing more', async (context) => {
    const runtime = await start(context, { models: ['test/clock'] });
    const controller = new AbortController();
    const reason = new Error('the client hung up');
    const output = collectOutput(({ pieces }) => {
      if (pieces.length !== 3) return;
      // While this thread sleeps the worker goes on and fills the queue with pieces that must not come out any more.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
      controller.abort(reason);
    });
    await assert.rejects(runtime.run(chatJob('test/clock', 'go'), output, controller.signal), reason);
    assert.equal(output.pieces.length, 3);
    assert.equal(runtime.models()[0]?.state, 'warm', 'the process lives on');
  });

  test('fails only the job whose receiver throws', async (context) => {
    const runtime = await start(context, { models: ['test/clock'] });
    const fault = new Error('a fault of the receiver');
    const output = collectOutput(() => {
      throw fault;
    });
    await assert.rejects(runtime.run(chatJob('test/clock', 'go'), output, NEVER), fault);
    const next = collectOutput();
    await runtime.run(chatJob('test/clock', 'go', { maxTokens: 1 }), next, NEVER);
    assert.deepEqual(next.pieces, ['tick ']);
  });

  test('prints nothing of a job, also when it fails inside the library', async () => {
    const folder = await writeTableEncoder(modelFolder, 'test/short-table', { width: 3, row: () => [1, 2, 3] });
    const config = JSON.parse(await readFile(join(folder, 'config.json'), 'utf8')) as object;
    await writeFile(join(folder, 'config.json'), JSON.stringify({ ...config, vocab_size: 1_000_000 }));
    const script = `
      import { loadModel } from './shared/runtimes/transformers/engine.ts';
      import { filesInFolder } from './main/headless/inference/folder-files.ts';
      const model = await loadModel(filesInFolder(${JSON.stringify(folder)}), { dtype: 'fp32', device: 'cpu', threads: 1 });
      const job = { type: 'embed', model: 'm', input: { inputs: [[70, 71, 999_123]], dimensions: null } };
      await model.run(job, { vectors() {} }, () => false).then(() => console.log('no failure'), () => console.log('failed'));
    `;
    const cwd = fileURLToPath(new URL('../../..', import.meta.url));
    const { stdout, stderr } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], {
      cwd,
    });
    assert.deepEqual([stdout, stderr], ['failed\n', '']);
  });

  test('does not start a job whose signal is aborted, before or while the model loads', async (context) => {
    const runtime = await start(context);
    const reason = new Error('too late');
    await assert.rejects(runtime.run(chatJob('test/words', 'hi'), collectOutput(), AbortSignal.abort(reason)), reason);
    const controller = new AbortController();
    const running = runtime.run(chatJob('test/words', 'hi'), collectOutput(), controller.signal);
    controller.abort(reason);
    await assert.rejects(running, reason);
    assert.equal(await ask(runtime), 'one two three');
  });

  for (const way of ['exit', 'throw']) {
    test(`replaces a process that ends by ${way} and fails only the jobs on it`, async (context) => {
      const log = collectLog();
      const models = ['test/clock', 'test/words'];
      const runtime = await start(context, { models, entry: FAULTY, log });
      const started = Promise.withResolvers<void>();
      const bystander = runtime.run(
        chatJob('test/clock', 'go'),
        collectOutput(() => started.resolve()),
        NEVER,
      );
      const other = ask(runtime, 'test/words');
      const lost = assert.rejects(bystander, isProblem('node_fault', /test\/clock/));
      await started.promise;
      await assert.rejects(ask(runtime, 'test/clock', way), isProblem('node_fault', /test\/clock/));
      await lost;
      assert.equal(await other, 'one two three');
      assert.equal(runtime.models()[0]?.state, 'installed');
      const output = collectOutput();
      const job = chatJob('test/clock', 'again', { maxTokens: 2 });
      await runtime.run(job, output, NEVER);
      assert.equal(output.pieces.join(''), 'tick tock ');
      if (way === 'throw') assert.match(log.faults.join(), /a fault of the process/);
    });
  }

  test('ends a process that does not react to a cancel and starts a fresh one', async (context) => {
    const runtime = await start(context, { entry: FAULTY, cancelGraceMs: 50 });
    await ask(runtime);
    const controller = new AbortController();
    const reason = new Error('enough');
    const hanging = runtime.run(chatJob('test/words', 'hang'), collectOutput(), controller.signal);
    const innocent = runtime.run(chatJob('test/words', 'hi'), collectOutput(), NEVER);
    const lost = assert.rejects(innocent, isProblem('node_fault', /test\/words/));
    // One turn of the event loop, so that both jobs are with the process.
    await new Promise(setImmediate);
    controller.abort(reason);
    await assert.rejects(hanging, reason);
    await lost;
    assert.equal(await ask(runtime), 'one two three');
  });

  test('tells of a cancel though its model is in the midst of a pass, and lets that run out', async (context) => {
    const runtime = await start(context, { entry: FAULTY, cancelGraceMs: 600_000 });
    await ask(runtime);
    const controller = new AbortController();
    const reason = new Error('enough');
    const busy = runtime.run(chatJob('test/words', 'hang'), collectOutput(), controller.signal);
    await new Promise(setImmediate);
    controller.abort(reason);
    await assert.rejects(busy, reason);
    assert.equal(runtime.models()[0]?.state, 'warm', 'it is not ended for it');
  });

  test('fails running jobs and refuses new ones once it is closed, however often', async (context) => {
    const runtime = await start(context, { models: ['test/clock'] });
    const started = Promise.withResolvers<void>();
    const running = runtime.run(
      chatJob('test/clock', 'go'),
      collectOutput(() => started.resolve()),
      NEVER,
    );
    const lost = assert.rejects(running, isProblem('node_fault', /stopping/));
    await started.promise;
    await Promise.all([runtime.close(), runtime.close()]);
    await lost;
    await assert.rejects(ask(runtime, 'test/clock'), isProblem('node_fault', /stopping/));
  });

  test('checks the files before each load, names the one that changed in its log, and tells a client nothing of its disk', async (context) => {
    const folder = await writeBigramModel(modelFolder, 'test/fragile', { transitions: WORDS });
    const log = collectLog();
    const runtime = await start(context, { models: ['test/fragile'], log });
    const path = join(folder, 'tokenizer_config.json');
    const told =
      /^The files of 'test\/fragile' on this node are not whole, which its owner can mend\. Ask again, or for another model\.$/;
    await writeFile(path, '{}');
    await assert.rejects(ask(runtime, 'test/fragile'), isProblem('model_files_corrupt', told));
    await assert.rejects(ask(runtime, 'test/fragile'), isProblem('model_files_corrupt', told));
    await rm(path);
    await assert.rejects(ask(runtime, 'test/fragile'), isProblem('model_files_missing', told));
    assert.equal(log.faults.length, 2, 'each once');
    assert.match(log.faults[0] ?? '', /'tokenizer_config\.json' of 'test\/fragile' is damaged\. .*the folder/);
    assert.match(log.faults[1] ?? '', /'tokenizer_config\.json' of 'test\/fragile' is missing\. .*the folder/);
    await writeBigramModel(modelFolder, 'test/fragile', { transitions: WORDS });
    assert.equal(await ask(runtime, 'test/fragile'), 'one two three');
  });

  test('says why onnxruntime refuses a file, and the next job tries again', async (context) => {
    const folder = await writeBigramModel(modelFolder, 'test/broken', { transitions: WORDS });
    await writeFile(join(folder, 'onnx/model.onnx'), 'not a graph');
    await sealModel(folder, 'test/broken');
    const runtime = await start(context, { models: ['test/broken'] });
    await assert.rejects(ask(runtime, 'test/broken'), isProblem('model_load_failed', /cannot load/));
    await assert.rejects(ask(runtime, 'test/broken'), isProblem('model_load_failed', /cannot load/));
  });
});

test('gives a tiny model one thread and a real one every core', () => {
  assert.equal(defaultThreads(1_000_000, 8), 1);
  assert.equal(defaultThreads(100_000_000, 8), 8);
});

test('tries more threads for answers that are made side by side, and never fewer than for one', () => {
  assert.deepEqual(threadsFor(20_000_000, 1), { threads: 1, sharedThreads: 1 });
  assert.deepEqual(threadsFor(20_000_000, 16), { threads: 1, sharedThreads: 4 });
  assert.deepEqual(threadsFor(1_000_000, 16), { threads: 1, sharedThreads: 1 });
  assert.deepEqual(threadsFor(100_000_000, 16), { threads: 16, sharedThreads: 16 });
});
