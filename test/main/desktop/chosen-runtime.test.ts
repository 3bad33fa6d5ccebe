/** Which of page and processes has a model. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chooseRuntime } from '../../../main/node/chosen-runtime.ts';
import type { PageModel } from '../../../main/node/page-model.ts';
import { createProcessorRuntime } from '../../../main/node/processor-runtime.ts';
import { createWindowRuntime } from '../../../main/node/window-runtime.ts';
import { REAL_GPU, TEST_PAGE_MODEL } from '../../support/desktop/desktop.ts';
import { collectLog } from '../../support/log.ts';

const { served, execution, load } = TEST_PAGE_MODEL;
const IN_PROCESS: PageModel['onProcessor'] = { host: 'process', execution, load: { ...load, device: 'cpu' } };
const MODELS: PageModel[] = ['test/one', 'test/two'].map((name) => ({
  ...TEST_PAGE_MODEL,
  served: { ...served, name },
  onProcessor: IN_PROCESS,
}));

function open() {
  const isFaster = new Set<string>();
  const window = { ready: async () => undefined, order: () => undefined, end: () => undefined };
  const page = createWindowRuntime({ models: MODELS, window, log: collectLog() });
  const fork = () => assert.fail('a process for a model that nobody asks for');
  const electron = { utilityProcess: { fork } };
  const processor = createProcessorRuntime({ electron, entry: '', models: MODELS, now: () => 0, log: collectLog() });
  const runtime = chooseRuntime({
    page,
    processor,
    trials: { prefersProcessor: (name) => isFaster.has(name), trialsOf: () => [] },
    known: new Map(MODELS.map((model) => [model.served.name, model])),
  });
  const places = () => runtime.models().map(({ name, device }) => `${name} ${device}`);
  return { page, runtime, isFaster, places };
}

test('offers nothing until the page has said what it found, then each model in one place and in its order', () => {
  const { page, isFaster, places } = open();
  assert.deepEqual(places(), []);
  page.greeted(REAL_GPU);
  assert.deepEqual(places(), ['test/one webgpu', 'test/two webgpu']);
  isFaster.add('test/one');
  assert.deepEqual(places(), ['test/one cpu', 'test/two webgpu']);
  page.greeted({ ...REAL_GPU, usable: false });
  assert.deepEqual(places(), ['test/one cpu', 'test/two cpu']);
});

test('a model that is added or removed is so in both places', () => {
  const { page, runtime, isFaster, places } = open();
  page.greeted(REAL_GPU);
  const name = 'test/three';
  runtime.addModel({ ...TEST_PAGE_MODEL, served: { ...served, name }, onProcessor: IN_PROCESS });
  assert.equal(places().at(-1), 'test/three webgpu');
  isFaster.add(name);
  assert.equal(places().at(-1), 'test/three cpu');
  runtime.removeModel(name);
  assert.deepEqual(places(), ['test/one webgpu', 'test/two webgpu']);
});
