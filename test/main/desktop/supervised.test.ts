/** A person who watches over jobs is told who asks, whatever the job is. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { PageModel } from '../../../main/node/page-model.ts';
import { KERNEL_MODELS } from '../../../shared/runtimes/kernels/served-kernels.ts';
import { askChat, askVectors } from '../../support/ask-pool.ts';
import { TEST_MODEL } from '../../support/desktop/desktop.ts';
import { offers, pairDesktop } from '../../support/desktop/paired-desktop.ts';
import { pretendedExecution } from '../../support/models/pretended-model.ts';
import { type Pool, startPool } from '../../support/pool.ts';
import { until } from '../../support/until.ts';

const VECTORS = 'test/vectors';

let pool: Pool;
before(async () => {
  pool = await startPool();
});
after(() => pool.close());

function model(name: string, type: 'llm' | 'embed'): PageModel {
  return {
    served: {
      ...{ name, type, revision: 'r1', dtype: 'q4', device: 'webgpu', size_bytes: 1, context_length: 512 },
      ...(type === 'embed' ? { dimensions: 2 } : {}),
    },
    execution: pretendedExecution('test'),
    load: { location: `sparewatt-app://app/models/${name}/`, dtype: 'q4', device: 'webgpu', threads: 1 },
  };
}

function askKernel(): Promise<Response> {
  const body = JSON.stringify({ length: 2, values: [1, 0, 1, 0] });
  const headers = { 'content-type': 'application/json' };
  return pool.request('/v1/services/science/fourier-transform', { method: 'POST', headers, body });
}

test('[O7] the prompt says whose key asks for a chat, for vectors and for a service, and a refusal hands each back', async (t) => {
  const { desktop } = await pairDesktop(t, pool, {
    openModels: async () => [model(TEST_MODEL, 'llm'), model(VECTORS, 'embed')],
    preferences: { supervised: true },
  });
  await offers(pool, [TEST_MODEL, VECTORS]);
  const asked: (readonly [type: string, model: string])[] = [];
  const clients = new Set<string>();
  for (const ask of [
    () => askChat(pool, TEST_MODEL),
    () => askVectors(pool, VECTORS, ['x']),
    async () => ({ status: (await askKernel()).status }),
  ]) {
    const answer = ask();
    await until(() => desktop.app.state().questions.length === 1);
    const [question] = desktop.app.state().questions;
    assert.ok(question);
    assert.equal(question.endsAt, desktop.clock.now + 60_000, 'its countdown');
    asked.push([question.type, question.model]);
    clients.add(question.client);
    await desktop.ask('answerQuestion', { id: question.id, allow: false });
    assert.equal((await answer).status, 503);
  }
  assert.deepEqual(asked, [
    ['llm', TEST_MODEL],
    ['embed', VECTORS],
    ['compute', KERNEL_MODELS.webgpu],
  ]);
  const ledger = await desktop.ask('listJobs', { before: null, limit: 3 });
  assert.deepEqual([...clients], [ledger[0]?.client]);
  assert.match([...clients].join(), /^key_/);
});
