/** A real process of a model tells what it has measured of its threads, once it has, by a clock of its own. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { heldOf } from '../../../main/headless/control/headless-control.ts';
import { createWorkerRuntime } from '../../../main/headless/inference/worker-runtime.ts';
import { openPageModels } from '../../../main/node/page-models.ts';
import { createProcessorRuntime } from '../../../main/node/processor-runtime.ts';
import type { ElectronSurface } from '../../../main/surface.ts';
import { buildCapabilityDocument } from '../../../shared/agent/capability-document.ts';
import type { Runtime } from '../../../shared/runtimes/runtime.ts';
import { afterTest } from '../../support/after-test.ts';
import { SHIPPED_MODELS } from '../../support/desktop/computing-desktop.ts';
import { UtilityDouble } from '../../support/desktop/electron-double/utility-double.ts';
import { silentLog } from '../../support/pool.ts';
import { chatJob, collectLog, collectOutput, embedJob, NEVER } from '../../support/runtimes/runtime-fixtures.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const CHAT = 'sparewatt/demo-chat';
const EMBED = 'sparewatt/demo-embed';
const TIMED = new URL('../../support/runtimes/timed-inference.ts', import.meta.url);
/** Two rows a pass: 4 ms for two tokens on one thread. */
const MEASURED = { chosen: { threads: 2, tokensPerS: 1_000 }, other: { threads: 1, tokensPerS: 500 } };
/** The second pass of several rows opens the second session, and 24 are measured. */
const PASSES = 26;

async function startRuntime(t: TestContext) {
  const runtime = await createWorkerRuntime({
    models: [CHAT, EMBED],
    modelFolder: SHIPPED_MODELS,
    cacheFolder: temporaryFolder(t),
    preload: false,
    log: collectLog(),
    entry: TIMED,
  });
  afterTest(t, () => runtime.close());
  const trialOf = (name: string) => runtime.models().find((model) => model.name === name)?.threadTrial;
  return { runtime, trialOf };
}

/** Two answers at once, again and again: a short one has too few passes. */
async function chatUntil(runtime: Pick<Runtime, 'run'>, isMeasured: () => boolean): Promise<void> {
  for (let asked = 0; asked < PASSES && !isMeasured(); asked++) {
    const job = chatJob(CHAT, 'Count from 3 to 9.', { choices: 2, temperature: 0, maxTokens: 40 });
    await runtime.run(job, collectOutput(), NEVER);
  }
}

test('a model in memory shows its choice of threads to its owner, not in its document, until it leaves', async (t) => {
  const { runtime, trialOf } = await startRuntime(t);
  await runtime.run(chatJob(CHAT, 'boast', { maxTokens: 1 }), collectOutput(), NEVER);
  assert.equal(trialOf(CHAT), undefined, 'nothing was measured, and what was said cannot be');
  await chatUntil(runtime, () => trialOf(CHAT) !== undefined);
  assert.deepEqual(trialOf(CHAT), MEASURED);
  assert.deepEqual(
    heldOf(runtime.models()).map(({ threadTrial }) => threadTrial),
    [MEASURED],
  );
  const { served_models: told } = buildCapabilityDocument({
    ...{ nodeId: 'n', version: '1', revision: 1, instance: 'i', issuedAt: 0, models: runtime.models() },
    slots: { total: 1, used: () => 0 } as never,
    hardware: { platform: 'linux', arch: 'x64', cpu: 'c', cpu_threads: 2, memory_bytes: 1 },
  });
  assert.equal(JSON.stringify(told).includes('threadTrial'), false);
  await runtime.run(chatJob(CHAT, 'boast', { maxTokens: 1 }), collectOutput(), NEVER);
  assert.deepEqual(trialOf(CHAT), MEASURED);
  await runtime.freeMemory();
  assert.equal(trialOf(CHAT), undefined);
});

test('a text encoder tells it, too', async (t) => {
  const { runtime, trialOf } = await startRuntime(t);
  for (let asked = 0; asked < PASSES; asked++) {
    await runtime.run(embedJob(EMBED, ['the same text', 'the same text']), collectOutput(), NEVER);
  }
  const { chosen, other } = trialOf(EMBED) ?? {};
  assert.deepEqual([chosen?.threads, other?.threads], [2, 1]);
  assert.equal(chosen?.tokensPerS, 2 * (other?.tokensPerS ?? 0));
});

test('the app lists it of a model in a process, until that is gone', async (t) => {
  const processes: UtilityDouble[] = [];
  const fork = (entry: string, args: readonly string[] = []): UtilityDouble => {
    const process = new UtilityDouble(entry, args);
    processes.push(process);
    return process;
  };
  const models = await openPageModels({
    models: [CHAT],
    shippedFolder: SHIPPED_MODELS,
    cacheFolder: temporaryFolder(t),
    log: silentLog,
  });
  const runtime = createProcessorRuntime({
    electron: { utilityProcess: { fork } } as unknown as Pick<ElectronSurface, 'utilityProcess'>,
    entry: fileURLToPath(TIMED),
    models,
    now: () => 0,
    log: silentLog,
  });
  afterTest(t, () => {
    for (const { child } of processes) child.kill('SIGKILL');
  });
  const listed = () => runtime.listModels()[0]?.threadTrial;
  await runtime.run(chatJob(CHAT, 'boast', { maxTokens: 1 }), collectOutput(), NEVER);
  assert.equal(listed(), undefined);
  await chatUntil(runtime, () => listed() !== undefined);
  assert.deepEqual(listed(), MEASURED);
  assert.equal(JSON.stringify(runtime.models()).includes('threadTrial'), false);
  const [first] = processes;
  runtime.removeModel(CHAT);
  for (const model of models) runtime.addModel(model);
  await runtime.run(chatJob(CHAT, 'once more', { maxTokens: 1 }), collectOutput(), NEVER);
  assert.notEqual(processes.at(-1), first);
  assert.equal(listed(), undefined, 'another process has measured nothing yet');
});
