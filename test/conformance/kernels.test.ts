import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { withKernels } from '../../main/headless/inference/with-kernels.ts';
import type { FileObject } from '../../shared/api/files.ts';
import type { ServiceAnswer, ServiceRequirements } from '../../shared/api/services.ts';
import type { ErrorBody } from '../../shared/problems/http.ts';
import type { Receipt } from '../../shared/receipts/receipt.ts';
import { SCIENTIFIC } from '../../shared/registry/catalog/scientific.ts';
import { judgeOf } from '../support/json-schema.ts';
import { kernelCases } from '../support/models/kernel-cases.ts';
import { startPool } from '../support/pool.ts';
import { collectLog } from '../support/runtimes/runtime-fixtures.ts';
import { createSyntheticRuntime } from '../support/runtimes/synthetic-runtime.ts';
import { until } from '../support/until.ts';

const log = collectLog();
const runtime = withKernels(createSyntheticRuntime(), log);
const pool = await startPool();
const { agent } = await pool.addNode({ runtime });
after(async () => {
  await pool.close();
  await runtime.close();
  assert.deepEqual(log.faults, []);
});

const json = { 'content-type': 'application/json' };
const post = (path: string, body: object): Promise<Response> =>
  pool.request(path, { method: 'POST', headers: json, body: JSON.stringify(body) });

async function run(service: string, input: object): Promise<ServiceAnswer> {
  const response = await post(`/v1/services/${service}`, input);
  const body = await response.text();
  assert.equal(response.status, 200, body);
  return JSON.parse(body) as ServiceAnswer;
}

describe('a node without WebGPU', () => {
  for (const {
    id,
    runtime: { type },
    examples,
    output,
  } of SCIENTIFIC) {
    if (type !== 'compute') continue;
    test(`runs the examples of ${id}`, async () => {
      for (const example of examples) {
        const answer = await run(id, example.input as object);
        assert.equal(judgeOf(output)(answer.output), null, JSON.stringify(answer.output));
        if (example.output !== undefined) assert.deepEqual(answer.output, example.output);
      }
    });
  }

  test('says that it computes on its processor: in its document, in the answer and in the receipt', async () => {
    const { capabilities, served_models } = await agent.capabilities();
    assert.deepEqual([capabilities.compute, capabilities.providers.compute], [true, 'sparewatt kernels']);
    const kernels = served_models.filter(({ type }) => type === 'compute');
    assert.deepEqual(
      kernels.map(({ name, device }) => [name, device]),
      [['kernels/cpu', 'cpu']],
    );
    const answer = await run('science/fourier-transform', { length: 2, values: [1, 0, 1, 0] });
    assert.equal(answer.model, 'kernels/cpu');
    await until(async () => (await pool.request(`/v1/receipts/${answer.receipt.id}`)).status === 200);
    const receipt = (await (await pool.request(`/v1/receipts/${answer.receipt.id}`)).json()) as Receipt;
    assert.deepEqual([receipt.execution.device, receipt.execution.runtime], ['cpu', 'sparewatt kernels']);
    assert.equal(receipt.service, 'science/fourier-transform');
  });

  test('is not asked by those who insist on a GPU, and the registry says what it lacks', async () => {
    const input = { model: 'kernels/webgpu', length: 2, values: [1, 0, 1, 0] };
    const refused = await post('/v1/services/science/fourier-transform', input);
    assert.equal(((await refused.json()) as ErrorBody).error.code, 'model_not_found');
    const path = '/v1/registry/services/science/fourier-transform/requirements';
    const needs = (await (await pool.request(path)).json()) as ServiceRequirements;
    assert.deepEqual([needs.capability, needs.available.runnable, needs.available.nodes], ['compute', true, 1]);
    assert.match(needs.note ?? '', /WebGPU as kernels\/webgpu, else on its processor as kernels\/cpu/);
  });

  test('reads its numbers from a file, and answers with as many', async () => {
    const inverse = kernelCases().find(({ name }) => /inverse/.test(name));
    assert.ok(inverse !== undefined);
    const { data, ...rest } = inverse.input;
    const bytes = Buffer.from(String(data), 'base64');
    const upload = await pool.request('/v1/files', { method: 'POST', headers: { 'content-type': 'application/octet-stream' }, body: bytes }); // biome-ignore format: one call
    const { id } = (await upload.json()) as FileObject;
    inverse.check((await run(inverse.service, { ...rest, file_id: id })).output);
  });

  test('does a job of the queue, and stops one that is cancelled', async () => {
    const [walk] = kernelCases().filter(({ name }) => /walks for a call/.test(name));
    const submitted = await post('/v1/jobs', { service: walk?.service, input: walk?.input });
    const { id } = (await submitted.json()) as { id: string };
    await until(async () => (await stateOf(id)) === 'succeeded');
    const { result } = (await (await pool.request(`/v1/jobs/${id}/result`)).json()) as {
      result: Record<string, unknown>;
    };
    walk?.check(result);
    const long = await post('/v1/jobs', { service: walk?.service, input: { ...walk?.input, paths: 2 ** 30 } });
    const { id: endless } = (await long.json()) as { id: string };
    await until(async () => (await stateOf(endless)) === 'running');
    await pool.request(`/v1/jobs/${endless}`, { method: 'DELETE' });
    await until(async () => (await stateOf(endless)) === 'cancelled');
    await until(async () => (await agent.capabilities()).node_load.slots_used === 0);
  });

  test('refuses what no kernel takes, with the reason, whoever lets it through', async () => {
    const refused = await post('/v1/services/science/matrix-product', { rows: 2, inner: 2, columns: 2, values: [1] });
    const { error } = (await refused.json()) as ErrorBody;
    assert.deepEqual([refused.status, error.code], [400, 'invalid_value']);
    assert.match(error.message, /8 numbers; 1 came/);
  });

  async function stateOf(id: string): Promise<string> {
    return ((await (await pool.request(`/v1/jobs/${id}`)).json()) as { state: string }).state;
  }
});
