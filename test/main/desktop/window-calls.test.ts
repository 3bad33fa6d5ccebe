import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Desktop, playComputePages, REAL_GPU, startDesktop, TEST_MODEL } from '../../support/desktop/desktop.ts';
import { until } from '../../support/until.ts';

test('lists a model as it can be used: on disk, and unusable once no GPU was found for it', async (t) => {
  const desktop: Desktop = await startDesktop(t, {
    before: (hands) => void playComputePages(hands, { ...REAL_GPU, usable: false }),
  });
  const [model, ...more] = await desktop.ask('listModels');
  assert.deepEqual([model?.name, model?.state, more.length], [TEST_MODEL, 'installed', 0]);
  await desktop.ask('contribute');
  await desktop.tick();
  await until(() => desktop.app.state().gpu !== null);
  assert.equal((await desktop.ask('listModels'))[0]?.state, 'unusable');
});

test('has no document to show before the machine is paired', async (t) => {
  const desktop = await startDesktop(t);
  assert.equal(await desktop.ask('getCapabilities'), null);
});
