import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createModelCatalog } from '../../../../relay/fabric/documents/model-catalog.ts';
import { createNodeTable } from '../../../../relay/fabric/nodes/node-table.ts';
import type { JobType } from '../../../../shared/protocol/subjects.ts';
import { pretendedModel } from '../../../support/models/pretended-model.ts';
import { admission, documentFor } from '../../../support/nodes/live-nodes.ts';
import { isProblem } from '../../../support/problems.ts';

function catalogAt(startMs: number) {
  const table = createNodeTable();
  const clock = { now: startMs, isExpectingNodes: false };
  const catalog = createModelCatalog(
    table,
    () => clock.now,
    () => clock.isExpectingNodes,
  );
  return { table, clock, catalog };
}

test('lists what some node serves now, with how many and whether one is warm', () => {
  const { table, catalog, clock } = catalogAt(1_000_500);
  const cold = { ...pretendedModel('lab/chat'), state: 'installed' } as const;
  table.admit(admission('a', [cold]));
  clock.now = 2_000_000;
  assert.deepEqual(catalog.list(), [
    {
      id: 'lab/chat',
      object: 'model',
      created: 1_000,
      owned_by: 'lab',
      status: 'installed',
      nodes: 1,
      capabilities: ['llm'],
      context_length: 4_096,
    },
  ]);
  table.admit(admission('b', ['lab/chat']));
  assert.equal(catalog.get('lab/chat').status, 'warm');
  assert.equal(catalog.get('lab/chat').nodes, 2);
  assert.equal(catalog.get('lab/chat').created, 1_000, 'it was first seen then');
});

test('a model whose nodes are gone stays known, but is not listed', () => {
  const { table, catalog } = catalogAt(0);
  table.admit(admission('a', ['lab/chat']));
  table.remove('a', 'unplugged');
  assert.deepEqual(catalog.list(), []);
  assert.equal(catalog.get('lab/chat').status, 'unavailable');
  assert.doesNotThrow(() => catalog.assertKnown('lab/chat', 'llm'));
});

test('while nodes are expected back, a name that none of those here has is not wrong yet', () => {
  const { table, catalog, clock } = catalogAt(0);
  table.admit(admission('a', ['lab/chat']));
  clock.isExpectingNodes = true;
  catalog.assertKnown('lab/other', 'llm');
  catalog.assertSees('lab/other', 'messages');
  assert.throws(() => catalog.get('lab/other'), isProblem('no_capacity', /not known yet/));
  assert.throws(() => catalog.assertKnown('lab/chat', 'embed'), isProblem('invalid_value', /ask it at/));
  assert.throws(() => catalog.assertSees('lab/chat', 'messages'), isProblem('unsupported_content', /reads text only/));
  clock.isExpectingNodes = false;
  for (const ask of [
    () => catalog.assertKnown('lab/other', 'llm'),
    () => catalog.assertSees('lab/other', 'messages'),
    () => catalog.get('lab/other'),
  ]) {
    assert.throws(ask, isProblem('model_not_found', /no model "lab\/other"/));
  }
});

test('a model of one kind of work is not taken for the other, also while no node has it', () => {
  const { table, catalog } = catalogAt(0);
  table.admit(admission('a', ['lab/chat', pretendedModel('lab/embed', 'embed')]));
  const refuse = (): void => {
    assert.throws(
      () => catalog.assertKnown('lab/embed', 'llm'),
      isProblem('invalid_value', /ask it at \/v1\/embeddings/),
    );
    assert.throws(
      () => catalog.assertKnown('lab/chat', 'embed'),
      isProblem('invalid_value', /\/v1\/chat\/completions/),
    );
  };
  refuse();
  table.remove('a', 'unplugged');
  refuse();
});

test('learns of models that a node offers later', () => {
  const { table, catalog } = catalogAt(0);
  table.admit(admission('a', []));
  assert.throws(
    () => catalog.assertKnown('lab/later', 'llm'),
    isProblem('model_not_found', /No node has offered any yet: join one at \/join/),
  );
  table.refresh('a', documentFor('a', ['lab/later']));
  assert.equal(catalog.get('lab/later').nodes, 1);
});

test('a model whose nodes are away is suggested only where none is here', () => {
  const { table, catalog } = catalogAt(0);
  table.admit(admission('a', ['lab/chat-small']));
  table.admit(admission('b', ['other/vision']));
  table.remove('a', 'unplugged');
  table.admit(admission('c', ['lab/chat-smart']));
  assert.throws(() => catalog.get('lab/chat-smal'), isProblem('model_not_found', /Did you mean lab\/chat-smart\?$/));
  table.remove('c', 'unplugged');
  const away = /Did you mean lab\/chat-small or lab\/chat-smart\? No node that has it is here now\.$/;
  assert.throws(() => catalog.get('lab/chat-smal'), isProblem('model_not_found', away));
});

test('where no name is near, a model that is not here is answered with where all of them are listed', () => {
  const { table, catalog } = catalogAt(0);
  table.admit(admission('a', ['lab/chat-small', 'other/vision']));
  const sentence = /There is no model "gpt-4o" here\. GET \/v1\/models lists those that can be asked now\.$/;
  assert.throws(() => catalog.get('gpt-4o'), isProblem('model_not_found', sentence));
});

test('a model of another kind of work is suggested to nobody who says what for', () => {
  const { table, catalog } = catalogAt(0);
  table.admit(admission('a', ['lab/chat', pretendedModel('lab/chart', 'embed')]));
  const refusal = (type: JobType, sentence: RegExp): void =>
    assert.throws(() => catalog.assertKnown('lab/chta', type), isProblem('model_not_found', sentence));
  refusal('llm', /Did you mean lab\/chat\?$/);
  refusal('embed', /Did you mean lab\/chart\?$/);
  refusal('tts', /No node has offered one for this work yet: sparewatt models add puts one on a node\.$/);
  assert.throws(() => catalog.get('lab/chta'), isProblem('model_not_found', /Did you mean lab\/chat or lab\/chart\?$/));
});

test('an unknown name is answered with the nearest ones, and is not repeated at any length', () => {
  const { table, catalog } = catalogAt(0);
  table.admit(admission('a', ['lab/chat-small', 'lab/embed', 'other/vision']));
  assert.throws(() => catalog.get('lab/chat-smal'), isProblem('model_not_found', /Did you mean lab\/chat-small\?/));
  table.admit(admission('b', [pretendedModel('kernels/cpu', 'compute')]));
  assert.throws(
    () => catalog.get('kernels/cp'),
    (error: Error) => !error.message.includes('or kernels/cpu') && !error.message.includes('mean kernels/cpu'),
    'programs and kernels are listed nowhere as models',
  );
  assert.throws(
    () => catalog.get('x'.repeat(100_000)),
    (error: Error) => error.message.length < 1_000,
  );
});

test('a node that offers other names with each document does not fill the memory', () => {
  const { table, catalog } = catalogAt(0);
  table.admit(admission('honest', ['lab/chat']));
  table.admit(admission('hostile', []));
  for (let round = 0; round < 25; round++) {
    const names = Array.from({ length: 500 }, (_, at) => `junk/${round}-${at}`);
    table.refresh('hostile', documentFor('hostile', names));
  }
  assert.throws(() => catalog.get('junk/0-0'), isProblem('model_not_found', /junk\/0-0/));
  for (const kept of ['lab/chat', 'junk/24-499', 'junk/10-0']) assert.equal(catalog.get(kept).id, kept);
});
