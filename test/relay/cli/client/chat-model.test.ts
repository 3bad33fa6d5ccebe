import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { findChatModel } from '../../../../relay/cli/client/chat-model.ts';
import type { Model } from '../../../../shared/api/models.ts';
import { afterTest } from '../../../support/after-test.ts';

const DEMO = 'sparewatt/demo-chat';

function model(id: string, status: Model['status'], capability = 'llm'): Model {
  const counted = { nodes: status === 'unavailable' ? 0 : 1, capabilities: [capability], context_length: 8 };
  return { id, object: 'model', created: 0, owned_by: 'x', status, ...counted };
}

async function answering(t: TestContext, status: number, body: object): Promise<{ relayUrl: string; apiKey: string }> {
  const server = createServer((_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json', connection: 'close' }).end(JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  afterTest(t, () => new Promise((done) => server.close(done)));
  return { relayUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, apiKey: 'sk' };
}

async function chosenOf(t: TestContext, data: Model[]): Promise<string> {
  return findChatModel(await answering(t, 200, { object: 'list', data }));
}

test('a model in memory comes before one that has to be loaded, and the demo after every other', async (t) => {
  const [cold, warm, demo] = [model('a/cold', 'installed'), model('a/warm', 'warm'), model(DEMO, 'warm')];
  assert.equal(
    await chosenOf(t, [model('a/gone', 'unavailable'), demo, cold, warm, model('b/warm', 'warm')]),
    'a/warm',
  );
  assert.equal(await chosenOf(t, [demo, cold]), 'a/cold');
  assert.equal(await chosenOf(t, [model('a/gone', 'unavailable'), demo]), DEMO);
  assert.equal(await chosenOf(t, [model('a/embed', 'warm', 'embed'), model('a/gone', 'unavailable')]), 'a/gone');
});

test('where no model answers chats, that is said, and what to do', async (t) => {
  const embed = model('a/embed', 'warm', 'embed');
  const refused = {
    code: 'model_not_found',
    message: /^None of the models .* chats\. Add one with: .*sparewatt agent$/,
  };
  await assert.rejects(chosenOf(t, [embed]), refused);
  await assert.rejects(chosenOf(t, []), { code: 'model_not_found', message: /^No node serves a model now\. / });
});

test('a key that may not list the models is told to name one', async (t) => {
  const asked = await answering(t, 403, { code: 'insufficient_scope', detail: 'This key may not read the catalog.' });
  const message = 'This key may not read the catalog. Name the model that it may ask with --model.';
  await assert.rejects(findChatModel(asked), { code: 'insufficient_scope', message });
});
