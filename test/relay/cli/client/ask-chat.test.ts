import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { askChat, type ChatAnswer } from '../../../../relay/cli/client/ask-chat.ts';

const EVENTS = [
  { choices: [{ delta: { content: 'Paris.' }, finish_reason: 'stop' }] },
  { choices: [], usage: { prompt_tokens: 7, completion_tokens: 6 } },
]
  .map((event) => `data: ${JSON.stringify(event)}\n\n`)
  .join('');

/** An answer of six tokens, the first of which comes after 40 ms and the last so much later, by the clock of the test. */
async function answerOver(t: TestContext, writingMs: number): Promise<ChatAnswer> {
  let now = 0;
  t.mock.method(performance, 'now', () => now);
  const server = createServer((_request, response) => {
    now = 40;
    response.writeHead(200, { 'content-type': 'text/event-stream' }).end(`${EVENTS}data: [DONE]\n\n`);
  });
  t.after(() => server.close());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const onText = () => {
    now += writingMs;
  };
  return askChat({ relayUrl: `http://127.0.0.1:${port}`, apiKey: 'sk', model: 'm', prompt: 'x', onText });
}

test('tokens a second are those after the first', async (t) => {
  const { firstTokenMs, totalMs, tokensPerSecond } = await answerOver(t, 500);
  assert.deepEqual([firstTokenMs, totalMs, tokensPerSecond], [40, 540, 10]);
});

test('an answer that comes in one piece is said to have come at no rate', async (t) => {
  const { totalMs, outputTokens, tokensPerSecond } = await answerOver(t, 1);
  assert.deepEqual([totalMs, outputTokens, tokensPerSecond], [41, 6, null]);
});
