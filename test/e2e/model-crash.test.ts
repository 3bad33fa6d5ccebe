import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chain, piece, writeBigramModel } from '../support/models/bigram-model.ts';
import { readEvents, textOf } from '../support/network/sse.ts';
import type { Pool } from '../support/pool.ts';
import { processOfModel } from '../support/runtimes/model-processes.ts';
import { startTaskPool } from '../support/task-pool.ts';

const ONE = 'test/one';
const TWO = 'test/two';
const LONG = 3_000;

function chat(pool: Pool, model: string, maxTokens: number): Promise<Response> {
  const messages = [{ role: 'user', content: 'go' }];
  const body = JSON.stringify({ model, messages, max_tokens: maxTokens, stream: true });
  return pool.request('/v1/chat/completions', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body,
  });
}

async function endOf(response: Response): Promise<{ text: string; code: string | undefined }> {
  const { events } = readEvents(await response.text());
  const code = events.at(-1)?.error?.code;
  return { text: textOf(code === undefined ? events : events.slice(0, -1)), code };
}

async function readUntil(body: ReadableStream<Uint8Array>, awaited: string): Promise<void> {
  let text = '';
  for await (const part of body.pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>)) {
    text += part;
    if (text.includes(awaited)) return;
  }
}

test('a model that crashes in mid-answer ends its streams with the reason, and no other', async (t) => {
  const transitions = chain(['tick ', 'tock '].map(piece), '<assistant>', piece('tick '));
  const write = (root: string, id: string) => writeBigramModel(root, id, { transitions, contextLength: 100_000 });
  const pool = await startTaskPool({ [ONE]: write, [TWO]: write });
  t.after(() => pool.close());
  const [one, two] = await Promise.all([chat(pool, ONE, 90_000), chat(pool, TWO, LONG)]);
  const [looked, rest] = one.body?.tee() ?? assert.fail('it has a body');
  // The head comes with the first token, or with a sign of life on a slow machine.
  await readUntil(looked, 'tick');
  process.kill(processOfModel(ONE) ?? assert.fail('it has a process'), 'SIGSEGV');
  const broken = await endOf(new Response(rest));
  assert.equal(broken.code, 'node_fault');
  assert.match(broken.text, /^tick tock /);
  const whole = await endOf(two);
  assert.deepEqual([whole.code, whole.text.trim().split(' ').length], [undefined, LONG]);
  assert.equal((await endOf(await chat(pool, ONE, 2))).text, 'tick tock ');
});
