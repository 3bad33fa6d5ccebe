import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { filesInFolder } from '../../../../main/headless/inference/folder-files.ts';
import { trialJobOf } from '../../../../shared/runtimes/devices/trial-job.ts';
import { TASKS } from '../../../../shared/runtimes/transformers/tasks/task-kinds.ts';
import { createAnswerer, type Told } from '../../../support/models/task-cases/answer-cases.ts';
import { checkCase, requestOf } from '../../../support/models/task-cases/task-case.ts';
import { TASK_CASES, writeCaseModels } from '../../../support/models/task-cases/task-cases.ts';

const SWIFTSHADER = '/usr/lib/chromium/vk_swiftshader_icd.json';
const ENTRY = fileURLToPath(new URL('../../../support/models/task-cases/answering-process.ts', import.meta.url));

const folder = mkdtempSync(join(tmpdir(), 'sparewatt-cases-'));
before(() => writeCaseModels(folder));
after(() => rmSync(folder, { recursive: true, force: true }));

test('every pipeline has a case that all places share', () => {
  const covered = new Set(TASK_CASES.map(({ task }) => task));
  assert.deepEqual([...covered].sort(), [...TASKS, 'text-generation', 'feature-extraction'].sort());
});

test('every task is right in Node on its processor', async (t) => {
  const answer = createAnswerer((model) => filesInFolder(join(folder, model)), 'cpu');
  for (const one of TASK_CASES) {
    await t.test(one.name, async () => checkCase(one, 'Node on its processor', await answer(await requestOf(one))));
  }
});

test('every model has a short run by which its devices are compared', async (t) => {
  const answer = createAnswerer((model) => filesInFolder(join(folder, model)), 'cpu');
  for (const one of TASK_CASES) {
    await t.test(one.name, async () => {
      const { type, model } = (await requestOf(one)).job;
      // What is tried is the first task of a model; here each is.
      const trial = trialJobOf({ type, name: model, tasks: [one.task] });
      assert.ok(trial !== null);
      const told = await answer({ job: trial.job, loadedAs: one.loadedAs });
      assert.ok('answer' in told, JSON.stringify(told));
      assert.ok(trial.count({ usage: { inputTokens: 1, outputTokens: 1 } }) > 0);
    });
  }
  assert.equal(trialJobOf({ type: 'compute', name: 'kernels/cpu' }), null);
  assert.equal(trialJobOf({ type: 'task', name: 'test/later', tasks: ['a-later-task'] }), null);
});

const skip = existsSync(SWIFTSHADER) ? false : 'there is no SwiftShader on this machine';

test('every task is right in Node on WebGPU', { skip }, async (t) => {
  const env = { ...process.env, VK_ICD_FILENAMES: SWIFTSHADER };
  const child = fork(ENTRY, [folder, 'webgpu'], {
    env,
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  t.after(() => child.kill('SIGKILL'));
  const ended = once(child, 'exit').then(() => Promise.reject(new Error('the process ended: its driver has failed')));
  ended.catch(() => undefined);
  for (const one of TASK_CASES) {
    await t.test(one.name, async () => {
      child.send(await requestOf(one));
      const [told] = (await Promise.race([once(child, 'message'), ended])) as [Told];
      await checkCase(one, 'Node on WebGPU', told);
    });
  }
});
