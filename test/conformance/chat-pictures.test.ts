import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type OpenAI from 'openai';
import { sha256Hex } from '../../relay/receipts/content-hashes.ts';
import type { CapabilityFlags } from '../../shared/api/capabilities.ts';
import type { MessageObject } from '../../shared/api/messages.ts';
import type { ChatInput } from '../../shared/protocol/messages.ts';
import { requestBytes } from '../../shared/receipts/hashed-content.ts';
import type { Receipt } from '../../shared/receipts/receipt.ts';
import { bodyOf, endOfBatch, idsOf, lineOf, makeBatch, rowsOf } from '../support/batches.ts';
import { runSparewatt } from '../support/command.ts';
import { assertAnthropicError, assertError, readError } from '../support/error-answers.ts';
import { chain, piece, writeBigramModel } from '../support/models/bigram-model.ts';
import { writePictureChat } from '../support/models/task-models/picture-chat-model.ts';
import { type PictureHost, startPictureHost } from '../support/network/picture-host.ts';
import { BLUE, GREEN, paint, pictureFile, RED } from '../support/pictures.ts';
import type { Pool } from '../support/pool.ts';
import { startTaskPool } from '../support/task-pool.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { until } from '../support/until.ts';

type Part = OpenAI.ChatCompletionContentPart;

let host: PictureHost;
let pool: Pool;
let file: string;
before(async () => {
  file = await pictureFile(paint(8, 8, (x, y) => (y < 4 ? (x < 4 ? RED : GREEN) : x < 4 ? BLUE : RED)));
  host = await startPictureHost((_request, response) => {
    response.setHeader('content-type', 'image/png').end(Buffer.from(file, 'base64'));
  });
  const sources = { hosts: ['localhost'], anyPort: true, ca: host.ca, isAllowed: () => true };
  pool = await startTaskPool(
    {
      'test/sees': writePictureChat,
      'test/blind': (root, id) => writeBigramModel(root, id, { transitions: chain([piece('text')]) }),
    },
    { pictureSources: sources },
  );
});
after(async () => {
  await pool?.close();
  await host?.close();
});

const SEEN = ' red green blue red';
const text = (words: string): Part => ({ type: 'text', text: words });
const picture = (url: string): Part => ({ type: 'image_url', image_url: { url } });
const asData = (): string => `data:image/png;base64,${file}`;
const atHost = (): string => `https://localhost:${host.port}/a.png`;
const body = (...content: Part[]) => ({ model: 'test/sees', messages: [{ role: 'user' as const, content }] });

function post(asked: object): Promise<Response> {
  const headers = { 'content-type': 'application/json' };
  return pool.request('/v1/chat/completions', { method: 'POST', headers, body: JSON.stringify(asked) });
}

test('[CH16] a picture is seen, as data and from an address, whole and in a stream', async () => {
  const { chat } = pool.client();
  const whole = await chat.completions.create(body(text('What is this?'), picture(asData())));
  assert.equal(whole.choices[0]?.message.content, SEEN);
  assert.equal(whole.usage?.completion_tokens, 4);
  // Its four tokens among those of the text, and of the turn.
  assert.ok((whole.usage?.prompt_tokens ?? 0) >= 'What is this?'.length + 4);
  const stream = chat.completions.stream({
    ...body(picture(atHost()), text('and'), picture(asData())),
    stream_options: { include_usage: true },
  });
  const final = await stream.finalChatCompletion();
  assert.equal(final.choices[0]?.message.content, SEEN + SEEN);
  assert.equal(final.usage?.completion_tokens, 8);
  assert.deepEqual(host.asked, ['/a.png']);
});

test('[CH16] a line of a batch shows pictures as its route does, and is refused as there', async () => {
  const bodies = {
    seen: body(text('What is this?'), picture(asData()), picture(atHost())),
    'no picture': body(picture('data:image/png;base64,AAAA')),
    'not named': body(picture('https://elsewhere.example/a.png')),
    blind: { ...body(picture(asData())), model: 'test/blind' },
  };
  const client = pool.client();
  const made = await makeBatch(
    client,
    Object.entries(bodies).map(([id, asked]) => lineOf(id, asked)),
  );
  const { done, not } = await rowsOf(client, await endOfBatch(client, made.id));
  assert.deepEqual([idsOf(done), idsOf(not)], [['seen'], ['no picture', 'not named', 'blind']]);
  const answer = done[0]?.response?.body as OpenAI.ChatCompletion;
  assert.equal(answer.choices[0]?.message.content, SEEN + SEEN);
  for (const row of not) {
    const direct = (await (await post(bodies[row.custom_id as keyof typeof bodies])).json()) as { error: object };
    assert.deepEqual(bodyOf(row).error, direct.error, row.custom_id);
  }
});

test('[ME1] a picture of a message is seen as that of a chat, from both of its sources, and one that cannot be had is named', async () => {
  const send = async (...sources: object[]) => {
    const content = sources.map((source) => ({ type: 'image', source }));
    const asked = { model: 'test/sees', max_tokens: 8, messages: [{ role: 'user', content }] };
    const headers = { 'content-type': 'application/json' };
    return pool.request('/v1/messages', { method: 'POST', headers, body: JSON.stringify(asked) });
  };
  const data = { type: 'base64', media_type: 'image/png', data: file };
  const answer = (await (await send({ type: 'url', url: atHost() }, data)).json()) as MessageObject;
  assert.deepEqual(answer.content, [{ type: 'text', text: SEEN + SEEN, citations: null }]);
  const nowhere = { type: 'url', url: `http://localhost:${host.port}/a.png` };
  assertAnthropicError(await readError(await send(data, nowhere)), {
    code: 'invalid_value',
    param: 'messages.0.content.1',
  });
  const garbled = { ...data, data: 'AAAA' };
  assertAnthropicError(await readError(await send(data, garbled)), {
    code: 'unsupported_media',
    param: 'messages.0.content.1',
  });
});

test('[CH16] [RE1] [ME1] what tools showed is seen, from wherever the conversation came', async () => {
  const call = { name: 'look', arguments: '{}' };
  const data = { type: 'base64', media_type: 'image/png', data: file };
  const image_url = asData();
  const tool = [text('There: '), picture(image_url)];
  const asked: Record<string, object> = {
    '/v1/chat/completions': {
      messages: [
        { role: 'user', content: 'x' },
        { role: 'assistant', tool_calls: [{ id: 'c', type: 'function', function: call }] },
        { role: 'tool', tool_call_id: 'c', content: tool },
      ],
    },
    '/v1/responses': {
      input: [
        { role: 'user', content: 'x' },
        { type: 'function_call', call_id: 'c', ...call },
        { type: 'function_call_output', call_id: 'c', output: [{ type: 'input_image', image_url }] },
      ],
    },
    '/v1/messages': {
      max_tokens: 8,
      messages: [
        { role: 'user', content: 'x' },
        { role: 'assistant', content: [{ type: 'tool_use', id: 'c', name: 'look', input: {} }] },
        {
          role: 'user',
          content: [
            { type: 'tool_result', tool_use_id: 'c', content: [{ type: 'image', source: data }] },
            { type: 'image', source: { type: 'url', url: atHost() } },
          ],
        },
      ],
    },
  };
  for (const [path, conversation] of Object.entries(asked)) {
    const response = await pool.request(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'test/sees', ...conversation }),
    });
    const answer = await response.text();
    assert.equal(response.status, 200, answer);
    assert.equal(answer.split(SEEN).length - 1, path === '/v1/messages' ? 2 : 1, answer);
  }
});

test('[J14] the hash of a receipt covers what the client sent', async () => {
  const response = await post({ ...body(text('See '), picture(atHost())), temperature: 0 });
  assert.equal(response.status, 200);
  const id = response.headers.get('x-sparewatt-receipt');
  const input: ChatInput = {
    ...{ maxTokens: null, seed: null, stop: [], temperature: 0, topP: null },
    messages: [{ role: 'user', content: 'See ', pictures: [{ at: 4, url: atHost() }] }],
  };
  const expected = sha256Hex(requestBytes({ type: 'llm', model: 'test/sees', input }));
  await until(async () => {
    const found = await pool.request(`/v1/receipts/${id}`);
    if (!found.ok) return false;
    const receipt = (await found.json()) as Receipt;
    assert.deepEqual([receipt.requestHash, receipt.signatures.verdict], [expected, 'sound']);
    return true;
  });
});

test('[CH16] a picture for a model that reads text only is refused before it is fetched', async () => {
  const asked = host.asked.length;
  const answer = await readError(await post({ ...body(text('See'), picture(atHost())), model: 'test/blind' }));
  assertError(answer, { code: 'unsupported_content', param: 'messages.0.content.1', message: /text only/ });
  assert.equal(host.asked.length, asked);
});

test('[CH16] a picture that cannot be had or read is refused with its parameter', async () => {
  const first = 'messages.0.content.0';
  const refused = async (part: object, expected: Parameters<typeof assertError>[1]) =>
    assertError(await readError(await post({ ...body(part as Part) })), expected);
  const no = (url: string) => picture(url);
  await refused(no('https://elsewhere.example/a.png'), { code: 'unsupported_content', param: first });
  await refused(no('http://localhost/a.png'), { code: 'invalid_value', param: first });
  await refused(no('data:image/svg+xml,<svg/>'), { code: 'invalid_value', param: first });
  await refused(no('data:image/png;base64,AAAA'), { code: 'unsupported_media', param: first });
  await refused(no(asData().slice(0, 90)), { code: 'invalid_image', message: /broken/ });
  await refused({ type: 'image_url' }, { code: 'missing_required_parameter', param: `${first}.image_url.url` });
  const many = Array.from({ length: 17 }, () => picture(asData()));
  const answer = await readError(await post(body(...many)));
  assertError(answer, { code: 'invalid_value', param: 'messages.0.content.16' });
  const system = { role: 'system', content: [picture(asData())] };
  const other = await readError(await post({ model: 'test/sees', messages: [system] }));
  assertError(other, { code: 'unsupported_content', param: first });
});

test('[CH18] how closely a picture is to be seen is ignored and told', async () => {
  const ignoredBy = async (detail: string) => {
    const image_url = { url: asData(), detail };
    const response = await post(body({ type: 'image_url', image_url } as Part));
    return [response.status, response.headers.get('x-sparewatt-ignored-params')];
  };
  assert.deepEqual(await ignoredBy('high'), [200, 'messages.content.image_url.detail']);
  assert.deepEqual(await ignoredBy('auto'), [200, null]);
});

test('a node with such a model says that it sees', async () => {
  const response = await pool.request('/v1/capabilities/caps');
  const { capabilities } = (await response.json()) as CapabilityFlags;
  assert.deepEqual([capabilities.llm, capabilities.vision], [true, true]);
  const models = await pool.client().models.list();
  const sees = models.data.find(({ id }) => id === 'test/sees') as { capabilities?: string[] } | undefined;
  assert.deepEqual(sees?.capabilities, ['llm', 'image-text-to-text']);
});

test('sparewatt chat shows pictures', async (t) => {
  const path = join(temporaryFolder(t), 'a.png');
  writeFileSync(path, Buffer.from(file, 'base64'));
  const { url, apiKey } = pool.relay;
  const place = ['--relay', url, '--api-key', apiKey, '--model', 'test/sees', '--json'];
  const chat = await runSparewatt(['chat', 'What are these?', ...place, '--image', path, atHost()]);
  assert.equal(chat.code, 0, chat.stderr);
  assert.equal((JSON.parse(chat.stdout) as { text: string }).text, SEEN + SEEN);
});

test('a task is given text alone', async () => {
  const [nodeId] = pool.relay.nodes();
  const headers = { 'content-type': 'application/json' };
  const asked = { type: 'llm', model: 'test/sees', input: body(picture(asData())) };
  const init = { method: 'POST', headers, body: JSON.stringify(asked) };
  assertError(await readError(await pool.request(`/v1/nodes/${nodeId}/tasks`, init)), { code: 'unsupported_content' });
});
