import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { FinishedJob } from '../../shared/api/jobs.ts';
import { dial, requestBytes } from '../support/network/raw-http.ts';
import { readEvents, textOf } from '../support/network/sse.ts';
import { startPool } from '../support/pool.ts';
import { createScriptedRuntime } from '../support/runtimes/scripted-runtime.ts';
import { until } from '../support/until.ts';

const STREAMS = 300;
const PIECE = '~'.repeat(16_384);
/** More than any reader is kept waiting for. */
const MOST_PIECES = 1_000_000;
const flood = { pieces: 0, ended: 0 };

const pool = await startPool();
after(() => pool.close());
await pool.addNode({ slots: STREAMS });
await pool.addNode({
  name: 'flood',
  runtime: createScriptedRuntime({
    // Talks as fast as the wire takes it, until it is told to stop or has said as many pieces as it was allowed tokens.
    'test/flood': async (job, output, signal) => {
      flood.pieces = 0;
      try {
        while (flood.pieces < (job.input.maxTokens ?? Number.POSITIVE_INFINITY)) {
          signal.throwIfAborted();
          output.text(PIECE, 1);
          flood.pieces += 1;
          await new Promise((resolve) => setTimeout(resolve, 1));
        }
        return 'stop' as const;
      } finally {
        flood.ended += 1;
      }
    },
  }),
});

function ask(body: object): Promise<Response> {
  const headers = { 'content-type': 'application/json' };
  return pool.request('/v1/chat/completions', { method: 'POST', headers, body: JSON.stringify(body) });
}

/** Asks for a stream over a socket of its own and reads nothing until it is resumed. */
function askWithoutReading(maxTokens?: number, path = '/v1/chat/completions') {
  const asked = path === '/v1/responses' ? { input: 'x' } : { messages: [{ role: 'user', content: 'x' }] };
  const most = path === '/v1/messages' ? (maxTokens ?? MOST_PIECES) : maxTokens;
  const body = JSON.stringify({
    model: 'test/flood',
    stream: true,
    ...asked,
    ...(most === undefined ? {} : { max_tokens: most, max_output_tokens: most }),
  });
  const socket = dial(pool).pause();
  const headers = ['Content-Type: application/json'];
  socket.write(requestBytes(pool, { method: 'POST', path, headers, body }));
  const readAll = async (): Promise<string> => {
    const chunks: Buffer[] = [];
    for await (const chunk of socket) chunks.push(chunk as Buffer);
    return Buffer.concat(chunks).toString('utf8');
  };
  return { socket, readAll };
}

test('[CH19] carries a prompt of 200 KB there and back, streamed or not', async () => {
  const content = `${'é'.repeat(50_000)} ${'y'.repeat(100_000)}`;
  const messages = [{ role: 'user' as const, content }];
  const whole = await pool.client().chat.completions.create({ model: 'test/echo', messages });
  assert.equal(whole.choices[0]?.message.content, content);
  const { events, isDone } = readEvents(await (await ask({ model: 'test/echo', messages, stream: true })).text());
  assert.deepEqual([textOf(events) === content, isDone], [true, true]);
});

test('[CH19] carries 300 streams at a time, each with its own text', async () => {
  const answers = await Promise.all(
    Array.from({ length: STREAMS }, async (_, i) => {
      const content = Array.from({ length: 20 }, (_, word) => `${i}-${word}`).join(' ');
      const messages = [{ role: 'user', content }];
      const response = await ask({ model: i % 2 === 0 ? 'test/echo' : 'test/ten-ms', messages, stream: true });
      const { events, isDone } = readEvents(await response.text());
      const expected = i % 2 === 0 ? content : '0 1 2 3 4 5 6 7 8 9 ';
      return isDone && textOf(events) === expected;
    }),
  );
  assert.deepEqual(
    answers.filter((isRight) => !isRight),
    [],
  );
});

test('[CH19] gives a reader that stops reading up before its text fills the memory, and tells it so', async () => {
  const ended = flood.ended;
  const { readAll } = askWithoutReading();
  // Nobody reads, so that only the relay can end this.
  await until(() => flood.ended === ended + 1);
  const body = await readAll();
  assert.match(body, /data: \{"error":\{[^\n]*"code":"client_too_slow"/);
  assert.doesNotMatch(body, /\[DONE\]/);
  // The kernel's buffers, the relay's megabyte, and what was under way.
  assert.ok(body.length < 32 * 1024 * 1024, `${body.length} bytes were kept for it`);
  const id = /"id":"chatcmpl-(job_\w+)"/.exec(body)?.[1] ?? '';
  await until(async () => (await pool.request(`/v1/jobs/${id}`)).ok);
  const job = (await (await pool.request(`/v1/jobs/${id}`)).json()) as FinishedJob;
  assert.deepEqual([job.state, job.problem?.code], ['failed', 'client_too_slow']);
});

test('[CH19] keeps an answer of usual length whole for a reader that reads late', async () => {
  const pieces = 40;
  const ended = flood.ended;
  const { readAll } = askWithoutReading(pieces);
  await until(() => flood.ended === ended + 1);
  const body = await readAll();
  assert.match(body, /data: \[DONE\]/);
  assert.equal(body.match(/~/g)?.length, pieces * PIECE.length);
});

test('[CH19] does not keep others waiting because of a reader that does not read', async () => {
  const ended = flood.ended;
  const { socket } = askWithoutReading();
  await pool.client().chat.completions.create({ model: 'test/noop', messages: [{ role: 'user', content: 'x' }] });
  socket.resetAndDestroy();
  await until(() => flood.ended === ended + 1);
});

test('[RE3] gives a reader of a response that stops reading up, and keeps one whole for a reader that reads late', async () => {
  let ended = flood.ended;
  const { readAll: readLost } = askWithoutReading(undefined, '/v1/responses');
  await until(() => flood.ended === ended + 1);
  const lost = await readLost();
  assert.match(lost, /event: response\.failed\ndata: [^\n]*"code":"client_too_slow"[^\n]*"output":\[\]/);
  assert.ok(lost.length < 32 * 1024 * 1024, `${lost.length} bytes were kept for it`);
  const pieces = 40;
  ended = flood.ended;
  const { readAll } = askWithoutReading(pieces, '/v1/responses');
  await until(() => flood.ended === ended + 1);
  const body = await readAll();
  const deltas = [...body.matchAll(/^data: (\{"type":"response\.output_text\.delta".*)$/gm)].map(
    ([, data = '']) => (JSON.parse(data) as { delta: string }).delta,
  );
  assert.equal(deltas.join('').length, pieces * PIECE.length);
  assert.match(body, /event: response\.completed/);
});

test('[ME3] gives a reader of a message that stops reading up, and keeps one whole for a reader that reads late', async () => {
  let ended = flood.ended;
  const { readAll: readLost } = askWithoutReading(undefined, '/v1/messages');
  await until(() => flood.ended === ended + 1);
  const lost = await readLost();
  assert.match(lost, /\nevent: error\ndata: [^\n]*"error_code":"client_too_slow"[^\n]*\n\n/);
  assert.doesNotMatch(lost, /event: message_stop/);
  // What was held for it is not sent after all.
  assert.ok(lost.split('\n').every((line) => line.length < 1_048_576 + PIECE.length));
  assert.ok(lost.length < 32 * 1024 * 1024, `${lost.length} bytes were kept for it`);
  const pieces = 40;
  ended = flood.ended;
  const { readAll } = askWithoutReading(pieces, '/v1/messages');
  await until(() => flood.ended === ended + 1);
  const body = await readAll();
  const deltas = [...body.matchAll(/^data: (\{"type":"content_block_delta".*)$/gm)].map(
    ([, data = '']) => (JSON.parse(data) as { delta: { text: string } }).delta.text,
  );
  assert.equal(deltas.join('').length, pieces * PIECE.length);
  assert.match(body, /event: message_stop/);
});
