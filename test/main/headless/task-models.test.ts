import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { createWorkerRuntime, type WorkerRuntimeOptions } from '../../../main/headless/inference/worker-runtime.ts';
import { openRuntime } from '../../../main/headless/open-runtime.ts';
import type { RuntimeJob } from '../../../shared/runtimes/runtime.ts';
import { writeToneListener } from '../../support/models/task-models/audio-models.ts';
import { writeMaskFiller, writeWordTranslator } from '../../support/models/task-models/text-models.ts';
import { writeColourClassifier } from '../../support/models/task-models/vision-models.ts';
import { startHubMirror } from '../../support/network/hub-mirror.ts';
import { paint, pictureFile, RED } from '../../support/pictures.ts';
import { silentLog } from '../../support/pool.ts';
import { isProblem } from '../../support/problems.ts';
import { collectLog, collectOutput, NEVER } from '../../support/runtimes/runtime-fixtures.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const DICTIONARY = { eins: 'one', zwei: 'two' };

async function start(t: TestContext, options: Partial<WorkerRuntimeOptions> & Pick<WorkerRuntimeOptions, 'models'>) {
  const cacheFolder = temporaryFolder(t);
  const runtime = await createWorkerRuntime({
    modelFolder: join(cacheFolder, 'none'),
    cacheFolder,
    preload: false,
    log: collectLog(),
    ...options,
  });
  t.after(() => runtime.close());
  const ask = async (job: RuntimeJob, signal = NEVER) => {
    const result = await runtime.run(job, collectOutput(), signal);
    return { ...result, output: result.output ?? {} };
  };
  return { runtime, ask, cacheFolder };
}

test('a node says what its models do, and does it in their processes', async (t) => {
  const modelFolder = temporaryFolder(t);
  await writeToneListener(modelFolder, 'test/ears');
  await writeColourClassifier(modelFolder, 'test/eyes');
  await writeWordTranslator(modelFolder, 'test/words', DICTIONARY);
  await writeMaskFiller(modelFolder, 'test/gaps', ['tea'], { drink: [3] });
  const models = ['test/ears', 'test/eyes', 'test/words', { id: 'test/gaps', task: 'fill-mask' }];
  const { runtime, ask } = await start(t, { models, modelFolder });
  assert.deepEqual(
    runtime.models().map(({ name, type, tasks }) => [name, type, tasks]),
    [
      ['test/ears', 'stt', ['automatic-speech-recognition']],
      ['test/eyes', 'task', ['image-classification']],
      ['test/words', 'task', ['text2text-generation', 'translation', 'summarization']],
      ['test/gaps', 'task', ['fill-mask']],
    ],
  );
  const written = await ask({ type: 'task', model: 'test/words', input: { text: 'zwei eins' } });
  assert.deepEqual(written.output, { text: 'two one' });
  const digests = ['encoder_model', 'decoder_model_merged'].map(async (part) => {
    const bytes = await readFile(join(modelFolder, 'test/words/onnx', `${part}.onnx`));
    return createHash('sha256').update(bytes).digest('hex');
  });
  const all = createHash('sha256').update((await Promise.all(digests)).join('\n'));
  assert.equal(written.execution.digest, all.digest('hex'));
  const image = await pictureFile(paint(8, 8, () => RED));
  const seen = await ask({ type: 'task', model: 'test/eyes', input: { image, top: 1 } });
  assert.equal((seen.output.labels as { label: string }[])[0]?.label, 'red');
  const filled = await ask({ type: 'task', model: 'test/gaps', input: { text: 'drink [MASK]', top: 1 } });
  assert.equal((filled.output.fills as { word: string }[])[0]?.word, 'tea');
});

test('a job with a wrong input leaves its model at work for the next', async (t) => {
  const modelFolder = temporaryFolder(t);
  await writeWordTranslator(modelFolder, 'test/words', DICTIONARY);
  const { ask } = await start(t, { models: ['test/words'], modelFolder });
  const job = (input: Record<string, unknown>): RuntimeJob => ({ type: 'task', model: 'test/words', input });
  await assert.rejects(ask(job({})), isProblem('missing_required_parameter', /'text'/));
  await assert.rejects(ask({ type: 'stt', model: 'test/words', input: {} }), isProblem('invalid_value', /translation/));
  const abort = new AbortController();
  const long = ask(job({ text: new Array(256).fill('eins zwei eins zwei') }), abort.signal);
  abort.abort(new Error('enough'));
  await assert.rejects(long, /enough/);
  assert.deepEqual((await ask(job({ text: 'eins' }))).output, { text: 'one' });
});

test('all parts of a model are fetched from the hub and held to their digests', async (t) => {
  const hubFolder = temporaryFolder(t);
  const folder = await writeWordTranslator(hubFolder, 'maker/words', DICTIONARY);
  await rm(join(folder, 'digests.json'));
  const mirror = await startHubMirror(hubFolder);
  t.after(() => mirror.close());
  const { ask, cacheFolder } = await start(t, { models: ['maker/words'], hubUrl: mirror.url });
  const job: RuntimeJob = { type: 'task', model: 'maker/words', input: { text: 'eins' } };
  assert.deepEqual((await ask(job)).output, { text: 'one' });
  await writeFile(join(cacheFolder, 'maker/words/onnx/decoder_model_merged.onnx'), 'damaged');
  const again = await createWorkerRuntime({
    models: ['maker/words'],
    modelFolder: join(cacheFolder, 'none'),
    cacheFolder,
    hubUrl: mirror.url,
    preload: false,
    log: collectLog(),
  });
  t.after(() => again.close());
  // The start has seen the damage and mended it.
  assert.deepEqual((await again.run(job, collectOutput(), NEVER)).output, { text: 'one' });
  await writeFile(join(cacheFolder, 'maker/words/onnx/decoder_model_merged.onnx'), 'damaged');
  await again.close();
  const log = collectLog();
  const { ask: late } = await start(t, { models: ['maker/words'], cacheFolder, hubUrl: mirror.url, log });
  await writeFile(join(cacheFolder, 'maker/words/onnx/decoder_model_merged.onnx'), 'damaged');
  await assert.rejects(late(job), isProblem('model_files_corrupt', /^The files of 'maker\/words' on this node/));
  assert.match(log.faults.join(), /decoder_model_merged/);
});

test('a model that has no tokenizer needs none, and one without its processor is refused by name', async (t) => {
  const hubFolder = temporaryFolder(t);
  const folder = await writeColourClassifier(hubFolder, 'maker/eyes');
  await Promise.all(['digests.json', 'preprocessor_config.json'].map((name) => rm(join(folder, name))));
  const mirror = await startHubMirror(hubFolder);
  t.after(() => mirror.close());
  await assert.rejects(
    start(t, { models: ['maker/eyes'], hubUrl: mirror.url }),
    isProblem('model_files_missing', /preprocessor_config\.json/),
  );
});

test("an owner names a model's task behind its id", async (t) => {
  const dataFolder = temporaryFolder(t);
  await writeMaskFiller(join(dataFolder, 'models'), 'test/gaps', ['tea'], { drink: [3] });
  const open = (models: string[]) => openRuntime({ dataFolder, models, log: silentLog, onProgress: () => undefined });
  for (const [name, type] of [
    ['test/gaps#fill-mask', 'task'],
    ['test/gaps', 'embed'],
  ] as const) {
    const runtime = await open([name]);
    t.after(() => runtime.close());
    assert.deepEqual([runtime.models()[0]?.name, runtime.models()[0]?.type], ['test/gaps', type]);
  }
});
