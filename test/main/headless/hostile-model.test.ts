import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { createWorkerRuntime } from '../../../main/headless/inference/worker-runtime.ts';
import { Problem } from '../../../shared/problems/problem.ts';
import { chain, piece, writeBigramModel } from '../../support/models/bigram-model.ts';
import { chatJob, collectLog, collectOutput, NEVER } from '../../support/runtimes/runtime-fixtures.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { until } from '../../support/until.ts';

const PROMPT = 'nobody but the model reads this';

async function start(context: TestContext, templates: Readonly<Record<string, string>>) {
  const modelFolder = temporaryFolder(context);
  for (const [id, chatTemplate] of Object.entries(templates)) {
    await writeBigramModel(modelFolder, id, { transitions: chain([piece('ok')]), chatTemplate });
  }
  const log = collectLog();
  const runtime = await createWorkerRuntime({
    models: Object.keys(templates),
    modelFolder,
    cacheFolder: join(modelFolder, 'cache'),
    preload: false,
    cancelGraceMs: 200,
    log,
  });
  context.after(() => runtime.close());
  return { runtime, log };
}

test('a template that complains of the messages in their own words brings them into no log and no record', async (context) => {
  const { runtime, log } = await start(context, {
    'test/telling': "{{ raise_exception('not this: ' + messages[0]['content']) }}",
    'test/plain': "{{ raise_exception('one question only') }}",
  });
  const refusalOf = (model: string): Promise<unknown> =>
    runtime.run(chatJob(model, PROMPT), collectOutput(), NEVER).catch((error: unknown) => error);
  const told = await refusalOf('test/telling');
  assert.ok(told instanceof Problem);
  assert.equal(told.code, 'invalid_value');
  assert.doesNotMatch(told.message, /nobody but the model/);
  const plain = await refusalOf('test/plain');
  assert.ok(plain instanceof Problem);
  assert.match(plain.message, /\(one question only\)/, 'the words of the template itself are told');
  assert.doesNotMatch(log.faults.join('\n'), /nobody but the model/);
});

test('a template without an end costs its own model a process, and the next job gets a fresh one', async (context) => {
  const loop = '{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}';
  const endless = `{% if messages[0]['content'] == 'go' %}${loop}{% endif %}<assistant>`;
  const { runtime, log } = await start(context, { 'test/endless': endless });
  const answer = async (): Promise<string> => {
    const output = collectOutput();
    await runtime.run(chatJob('test/endless', 'hi'), output, NEVER);
    return output.pieces.join('');
  };
  assert.equal(await answer(), 'ok');
  const abort = new AbortController();
  const asked = runtime.run(chatJob('test/endless', 'go'), collectOutput(), abort.signal);
  // By the next turn the process has been given it.
  await new Promise(setImmediate);
  abort.abort(new Error('too long'));
  await assert.rejects(asked, /too long/);
  await until(() => log.faults.some((fault) => /did not stop within 200 ms/.test(fault)));
  assert.equal(await answer(), 'ok');
});
