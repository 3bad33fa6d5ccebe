import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRelayMetrics, MODELS_TOLD, type RelayGauges } from '../../../relay/metrics/relay-metrics.ts';
import type { JobRecord } from '../../../relay/store/store.ts';

const GAUGES: RelayGauges = {
  jobs: () => ({ running: 0, waiting: 0, queued: 0 }),
  nodes: () => ({ by_status: {}, slots: { total: 0, used: 0, free: 0 } }),
  staleFrames: () => 0,
  droppedDocuments: () => ({}),
  busConnected: () => true,
};

function jobOf(model: string): JobRecord {
  const job = { type: 'llm', model, state: 'succeeded', problem: null, attempts: [], usage: null, stream: false };
  return { ...job, createdAt: 0, finishedAt: 5 } as unknown as JobRecord;
}

test('models that come beyond a thousand are told together, so that names without end fill no memory', async () => {
  const metrics = createRelayMetrics(GAUGES);
  for (let model = 0; model < 3 * MODELS_TOLD; model++) metrics.jobFinished(jobOf(`org/model-${model}`));
  metrics.jobFinished(jobOf('org/model-0'));
  const text = await metrics.text();
  const counted = [...text.matchAll(/^sparewatt_jobs_total\{.*gen_ai_request_model="([^"]+)".*\} (\d+)$/gm)];
  assert.equal(counted.length, MODELS_TOLD + 1);
  const count = new Map(counted.map(([, model, jobs]) => [model, Number(jobs)]));
  assert.deepEqual([count.get('org/model-0'), count.get('other')], [2, 2 * MODELS_TOLD]);
});
