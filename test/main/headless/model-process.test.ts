import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { modelEnvironment } from '../../../main/headless/inference/model-environment.ts';
import { startModelProcess } from '../../../main/headless/inference/model-process.ts';
import { createWorkerRuntime } from '../../../main/headless/inference/worker-runtime.ts';
import { isAlive } from '../../../relay/fabric/nats-server/nats-server-process.ts';
import { Problem } from '../../../shared/problems/problem.ts';
import { startChild } from '../../support/child.ts';
import { chain, piece, writeBigramModel } from '../../support/models/bigram-model.ts';
import { isProblem } from '../../support/problems.ts';
import { processOfModel, withKeeper } from '../../support/runtimes/model-processes.ts';
import { chatJob, collectLog, collectOutput, NEVER } from '../../support/runtimes/runtime-fixtures.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { until } from '../../support/until.ts';

const ONE = 'test/one';
const TWO = 'test/two';
const FAULTY = new URL('../../support/runtimes/faulty-inference.ts', import.meta.url);
const HOLDER = new URL('../../support/runtimes/model-holder.ts', import.meta.url);
const ENDLESS = 90_000;

async function writeModels(context: TestContext): Promise<string> {
  const modelFolder = temporaryFolder(context);
  const transitions = chain(['tick ', 'tock '].map(piece), '<assistant>', piece('tick '));
  for (const id of [ONE, TWO]) await writeBigramModel(modelFolder, id, { transitions, contextLength: 100_000 });
  return modelFolder;
}

/** Two models by a clock that only the test moves. */
async function openModels(context: TestContext) {
  const modelFolder = await writeModels(context);
  let now = 0;
  const log = collectLog();
  const runtime = await createWorkerRuntime({
    models: [ONE, TWO],
    modelFolder,
    cacheFolder: modelFolder,
    preload: false,
    log,
    clock: { now: () => now, every: () => () => undefined },
  });
  context.after(() => runtime.close());
  /** Resolves with the tokens of a whole answer. */
  const ask = async (model: string, maxTokens = 3): Promise<number> => {
    const { usage } = await runtime.run(chatJob(model, 'go', { maxTokens }), collectOutput(), NEVER);
    return usage.outputTokens;
  };
  /** Resolves with the first token, and the answer that is still being made. */
  const begin = async (model: string, maxTokens = ENDLESS) => {
    const began = Promise.withResolvers<void>();
    const output = collectOutput(() => began.resolve());
    const answer = runtime.run(chatJob(model, 'go', { maxTokens }), output, NEVER);
    await Promise.race([began.promise, answer]);
    return { output, answer };
  };
  const signal = (model: string, name: NodeJS.Signals): void => {
    const pid = processOfModel(model);
    assert.ok(pid !== undefined, `${model} has a process`);
    process.kill(pid, name);
  };
  const pass = (ms: number): void => {
    now += ms;
  };
  return { ask, begin, signal, pass, log };
}

test('a crash in native code costs the jobs of one model, whose next job finds it loaded anew', async (t) => {
  const { ask, begin, signal, pass, log } = await openModels(t);
  const other = await begin(TWO, 4_000);
  const own = await begin(ONE);
  const lost = assert.rejects(own.answer, isProblem('node_fault', /test\/one/));
  signal(ONE, 'SIGSEGV');
  await lost;
  assert.match(log.faults.join(), /'test\/one' ended by itself \(SIG(SEGV|ABRT)\)/);
  assert.equal(await ask(ONE), 3);
  assert.equal((await other.answer).usage.outputTokens, 4_000);

  // Again within a minute: what dies of its own beginning would take the machine's time.
  const again = await begin(ONE);
  const lostAgain = assert.rejects(again.answer, isProblem('node_fault', /test\/one/));
  signal(ONE, 'SIGKILL');
  await lostAgain;
  await assert.rejects(ask(ONE), isProblem('model_load_failed', /keeps crashing/));
  assert.equal(await ask(TWO), 3);
  pass(1_000);
  assert.equal(await ask(ONE), 3);
});

test('signals for the whole group, as of a terminal or a service manager, are left to the node', async (t) => {
  const { begin, log } = await openModels(t);
  const { answer, output } = await begin(ONE, 2_000);
  for (const pid of withKeeper(ONE)) for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.kill(pid, name);
  assert.equal((await answer).usage.outputTokens, 2_000);
  assert.deepEqual([output.tokens, log.faults], [2_000, []]);
});

test('a process that is ended while it loads is gone, and takes nothing with it', async (t) => {
  const faults: string[] = [];
  const ends: string[] = [];
  const options = { model: ONE, onFault: (what: string) => void faults.push(what), cancelGraceMs: 50, entry: FAULTY };
  const load = { location: 'HANGS', dtype: 'fp32', device: 'cpu', threads: 1 };
  const onWarm = () => assert.fail('it was ended before');
  const held = startModelProcess(options, load, { onWarm, onEnd: (how) => void ends.push(how) });
  t.after(() => held.end(new Problem('node_fault', 'The test is over.')));
  await until(() => processOfModel(ONE) !== undefined);
  const pids = withKeeper(ONE);
  assert.equal(pids.length, 2);
  const lost = assert.rejects(held.loaded, isProblem('node_fault', /enough/));
  await held.end(new Problem('node_fault', 'That is enough.'));
  await lost;
  assert.deepEqual([pids.filter(isAlive), ends, faults], [[], ['ended'], []]);
});

test('a process that hangs while it loads is ended, and whoever waits hears why', async (t) => {
  const faults: string[] = [];
  const ends: string[] = [];
  const options = { model: ONE, onFault: (what: string) => void faults.push(what), cancelGraceMs: 50, entry: FAULTY };
  const load = { location: 'HANGS', dtype: 'fp32', device: 'cpu', threads: 1 };
  const onWarm = () => assert.fail('it never loads');
  const events = { onWarm, onEnd: (how: string) => void ends.push(how) };
  const held = startModelProcess({ ...options, loadLimitMs: 50 }, load, events);
  t.after(() => held.end(new Problem('node_fault', 'The test is over.')));
  await assert.rejects(held.loaded, isProblem('model_load_failed', /within 0\.05 s/));
  await held.end(new Problem('node_fault', 'It is gone when this resolves.'));
  assert.equal(processOfModel(ONE), undefined);
  assert.deepEqual([ends, faults], [['crashed'], [`The process of '${ONE}' hangs while it loads its model.`]]);
});

/** There the GPU is reached without Vulkan, whose drivers can be hidden. */
const unhidden = process.platform === 'linux' ? false : 'the GPU of this system cannot be hidden';

test('a GPU that is gone when a model is loaded is told as that, and not as a fault of the model', {
  skip: unhidden,
}, async (t) => {
  const location = join(await writeModels(t), ...ONE.split('/'));
  // Where a driver of Vulkan is, it is not found.
  const env = { VK_ICD_FILENAMES: '/nonexistent', VK_DRIVER_FILES: '/nonexistent' };
  const faults: string[] = [];
  const options = {
    model: ONE,
    onFault: (_: string, detail: string) => void faults.push(detail),
    cancelGraceMs: 50,
    env,
  };
  const load = { location, dtype: 'fp32', device: 'webgpu', threads: 1 };
  const held = startModelProcess(options, load, { onWarm: () => assert.fail('on what?'), onEnd: () => undefined });
  t.after(() => held.end(new Problem('node_fault', 'The test is over.')));
  await assert.rejects(held.loaded, isProblem('device_missing', /^[^/]+its driver offers none/));
  assert.match(faults.join(), /WebGPU adapter/, 'the owner hears what the library said');
});

test('a node that is killed leaves no model behind, neither one that computes nor one that hears nothing', async (t) => {
  const modelFolder = await writeModels(t);
  const node = startChild(t, HOLDER, [modelFolder, ONE, TWO]);
  await node.next();
  const pids = [ONE, TWO].flatMap((model) => withKeeper(model, node.pid));
  t.after(() => {
    for (const pid of pids.filter(isAlive)) process.kill(pid, 'SIGKILL');
  });
  assert.equal(pids.length, 4);
  assert.deepEqual(pids.filter(isAlive), pids);
  await node.kill();
  await until(() => pids.filter(isAlive).length === 0);
});

const skip = existsSync('/proc/self/environ') ? false : 'this system does not show the environment of a process';

test('a model knows no secrets of its node', { skip }, async (t) => {
  const { begin, signal } = await openModels(t);
  process.env.SPAREWATT_JOIN_TOKEN = 'of-no-business';
  t.after(() => void delete process.env.SPAREWATT_JOIN_TOKEN);
  const { answer } = await begin(ONE);
  const environment = readFileSync(`/proc/${processOfModel(ONE)}/environ`, 'utf8').split('\0');
  assert.ok(environment.includes('MALLOC_ARENA_MAX=2'));
  assert.ok(!environment.join().includes('of-no-business'));
  const lost = assert.rejects(answer, isProblem('node_fault', /test\/one/));
  signal(ONE, 'SIGKILL');
  await lost;
});

test('what drivers and the owner say of memory reaches a model', () => {
  const needed = { PATH: '/bin', CUDA_VISIBLE_DEVICES: '1', VK_ICD_FILENAMES: 'icd.json', MALLOC_ARENA_MAX: '4' };
  const others = { NVIDIA_API_KEY: 'x', HF_TOKEN: 'x', DATABASE_URL: 'x', NODE_AUTH_TOKEN: 'x', SSH_AUTH_SOCK: 'x' };
  assert.deepEqual(modelEnvironment({ ...needed, ...others }), needed);
});
