import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SERVICE_OF_JOB_TYPE } from '../../../shared/receipts/statements.ts';
import { BUILT_IN_SERVICES } from '../../../shared/registry/catalog/all.ts';
import { isJobType, readService } from '../../../shared/registry/read-service.ts';
import { CATEGORIES } from '../../../shared/registry/service.ts';
import { judgeOf } from '../../support/json-schema.ts';

const COPY = JSON.parse(JSON.stringify(BUILT_IN_SERVICES)) as typeof BUILT_IN_SERVICES;

test('the catalogue has thirty services and more, in every category, under ids of their own', () => {
  assert.ok(BUILT_IN_SERVICES.length >= 30, String(BUILT_IN_SERVICES.length));
  assert.equal(new Set(BUILT_IN_SERVICES.map(({ id }) => id)).size, BUILT_IN_SERVICES.length);
  for (const category of Object.keys(CATEGORIES)) {
    const count = BUILT_IN_SERVICES.filter((service) => service.category === category).length;
    assert.ok(count >= 5, `${category} has ${count}`);
  }
});

for (const service of COPY) {
  test(`${service.id} is a service that an operator could have written`, () => {
    assert.deepEqual(readService(service), service);
  });

  test(`every example of ${service.id} fits its schemas by another judge too`, () => {
    const [ofInput, ofOutput] = [judgeOf(service.input), judgeOf(service.output)];
    assert.ok(service.examples.length > 0);
    for (const { input, output } of service.examples) {
      assert.equal(ofInput(input), null);
      if (output !== undefined) assert.equal(ofOutput(output), null);
    }
  });

  test(`${service.id} refuses what is no input`, () => {
    const isValid = judgeOf(service.input);
    for (const wrong of [null, [], 'text', 5]) assert.notEqual(isValid(wrong), null);
    if (service.id.startsWith('capability/')) return;
    assert.notEqual(isValid({}), null, 'nothing is required');
    assert.notEqual(isValid({ ...(service.examples[0]?.input as object), no_such_member: 1 }), null);
  });
}

test('the services that receipts name without being asked by one are in the catalogue, with their type', () => {
  for (const [type, id] of Object.entries(SERVICE_OF_JOB_TYPE)) {
    const service = BUILT_IN_SERVICES.find((known) => known.id === id);
    assert.equal(service?.runtime.type, type, id);
  }
});

test('what no runtime of today does is marked as such, and never names a model', () => {
  const later = BUILT_IN_SERVICES.filter(({ runtime }) => !isJobType(runtime.type));
  assert.ok(later.length > 0 && later.length < BUILT_IN_SERVICES.length / 2);
  for (const { id, runtime, default_model, requirements } of later) {
    assert.equal(default_model, null, id);
    assert.deepEqual([runtime.prompt, runtime.answer, requirements.models], [undefined, undefined, undefined], id);
  }
});

test('the five services of the mission are there under their names', () => {
  const ids = BUILT_IN_SERVICES.map(({ id }) => id);
  for (const id of [
    'whisper/transcribe',
    'stable-diffusion/generate',
    'llm/inference',
    'ffmpeg/transcode',
    'blender/render',
  ]) {
    assert.ok(ids.includes(id), id);
  }
});
