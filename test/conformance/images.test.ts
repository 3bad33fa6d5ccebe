import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import OpenAI from 'openai';
import type { CapabilityAnswer } from '../../shared/api/capabilities.ts';
import type { ServiceAnswer } from '../../shared/api/services.ts';
import { assertError, type ExpectedError, readError } from '../support/error-answers.ts';
import { PAINTED_SIDE, writePainter } from '../support/models/task-models/painter-model.ts';
import { readPicture } from '../support/pictures.ts';
import { startTaskPool } from '../support/task-pool.ts';

const MODEL = 'test/tiny-janus';
const pool = await startTaskPool({ [MODEL]: writePainter });
after(() => pool.close());
const client = pool.client();

function post(path: string, body: object): Promise<Response> {
  const headers = { 'content-type': 'application/json' };
  return pool.request(path, { method: 'POST', headers, body: JSON.stringify(body) });
}

test('[IM1] a text is painted, as many times as is asked', async () => {
  const asked = { model: MODEL, prompt: 'a big garden', n: 2, size: '8x8' as never, seed: 5 };
  const answer = await client.images.generate({ ...asked, response_format: 'b64_json' });
  assert.equal(answer.data?.length, 2);
  for (const { b64_json } of answer.data ?? []) {
    const { width, height } = await readPicture(b64_json);
    assert.deepEqual([width, height], [PAINTED_SIDE, PAINTED_SIDE]);
  }
  assert.deepEqual([answer.size, answer.output_format], ['8x8', 'png']);
  assert.deepEqual([answer.usage?.output_tokens, answer.usage?.input_tokens_details.image_tokens], [32, 0]);
  assert.ok(Math.abs(answer.created - Date.now() / 1_000) < 60);
  // The seed makes them again, on the route without a model of its own as well.
  const { model: _, ...any } = asked;
  assert.deepEqual((await client.images.generate(any)).data, answer.data);
});

test('[IM1] what is not honoured is refused or told', async () => {
  const refused = async (body: object, expected: ExpectedError) =>
    assertError(
      await readError(await post('/v1/images/generations', { model: MODEL, prompt: 'r', ...body })),
      expected,
    );
  await refused({ size: '1024x1024' }, { code: 'invalid_value', param: 'size', message: /8x8/ });
  await refused({ n: 11 }, { code: 'invalid_value', param: 'n' });
  await refused({ response_format: 'url' }, { code: 'unsupported_parameter', param: 'response_format' });
  await refused({ output_format: 'webp' }, { code: 'unsupported_parameter', param: 'output_format' });
  await refused({ background: 'transparent' }, { code: 'unsupported_parameter', param: 'background' });
  await refused({ stream: true }, { code: 'unsupported_parameter', param: 'stream' });
  await refused({ prompt: undefined }, { code: 'missing_required_parameter', param: 'prompt' });
  await refused({ model: 'test/none' }, { code: 'model_not_found', param: 'model' });
  const response = await post('/v1/images/generations', {
    ...{ model: MODEL, prompt: 'r', quality: 'high', style: null, user: 'me', output_format: 'png' },
  });
  assert.equal(response.status, 200);
  assert.equal(response.headers.get('x-sparewatt-ignored-params'), 'quality, user');
});

test('[IM2] [X13] edits and variations are refused once', async () => {
  for (const kind of ['edits', 'variations']) {
    const form = new FormData();
    form.set('image', new File(['x'], 'a.png'));
    const response = await pool.request(`/v1/images/${kind}`, { method: 'POST', body: form });
    assert.equal(response.status, 501);
    assert.equal(response.headers.get('x-should-retry'), 'false');
  }
  const retrying = pool.client({ maxRetries: 2 });
  await assert.rejects(retrying.images.edit({ image: new File(['x'], 'a.png'), prompt: 'r' }), OpenAI.APIError);
});

test('the capability and the service end in the same model', async () => {
  const painted = await client.post<CapabilityAnswer>('/capability/image', { body: { prompt: 'r', seed: 3 } });
  const { image, ...rest } = painted.result;
  assert.deepEqual(rest, { media_type: 'image/png', width: PAINTED_SIDE, height: PAINTED_SIDE, seed: 3 });
  const task = { task: 'text-to-image', prompt: 'r', seed: 3 };
  assert.deepEqual((await client.post<CapabilityAnswer>('/capability/task', { body: task })).result, painted.result);
  const response = await post('/v1/services/janus/generate', { prompt: 'r', seed: 3 });
  assert.equal(response.status, 200);
  assert.equal(((await response.json()) as ServiceAnswer).output.image, image);
  // A service of another kind of model is not done by this one.
  const other = await post('/v1/services/stable-diffusion/generate', { prompt: 'r' });
  assertError(await readError(other), { code: 'no_capacity' });
});
