import assert from 'node:assert/strict';
import { after, type TestContext, test } from 'node:test';
import { toFile } from 'openai';
import type { FinishedJob } from '../../shared/api/jobs.ts';
import type { Receipt } from '../../shared/receipts/receipt.ts';
import { encodeWav } from '../../shared/runtimes/media/wav.ts';
import { assertError, readError } from '../support/error-answers.ts';
import { WHISPER_RATE_HZ, whisperSpeech, writeWordWhisper } from '../support/models/task-models/whisper-model.ts';
import { readEvents } from '../support/network/sse.ts';
import type { ScriptedJob } from '../support/nodes/scripted-node.ts';
import { startPool } from '../support/pool.ts';
import { joinNodes } from '../support/scripted-pool.ts';
import { startTaskPool } from '../support/task-pool.ts';
import { until } from '../support/until.ts';

const WHISPER = 'test/whisper';
const pool = await startTaskPool({ [WHISPER]: (root, id) => writeWordWhisper(root, id) });
after(() => pool.close());
/** Of nodes that do what the test says. */
const scripted = await startPool();
after(() => scripted.close());

type AudioEvent = {
  type?: string;
  delta?: string;
  text?: string;
  usage?: object;
  error?: { code: string; param: string };
};

const wav = (words: readonly string[]) => encodeWav({ samples: whisperSpeech(words), rateHz: WHISPER_RATE_HZ });

function formOf(model: string, more: Readonly<Record<string, string>> = {}): FormData {
  const form = new FormData();
  form.append('file', new Blob([wav(['tee']) as Uint8Array<ArrayBuffer>]), 'a.wav');
  for (const [name, value] of Object.entries({ model, stream: 'true', ...more })) form.append(name, value);
  return form;
}

const post = (body: FormData, more: RequestInit = {}) =>
  scripted.request('/v1/audio/transcriptions', { method: 'POST', body, ...more });

const ears = (t: TestContext, count: number) => joinNodes(t, scripted, count, { type: 'stt' });
const heard = (text: string) => ({ output: { text, duration_s: 1.2 } });
const eventsOf = (body: string) => {
  const { events, isDone } = readEvents(body);
  return { events: events as unknown as AudioEvent[], isDone };
};

test('[AU3] a stream tells words while they are written, which joined are the whole', async () => {
  const words = ['drei', 'eins', 'zwei', 'haus', 'elf', '-'];
  const file = await toFile(wav(words), 'speech.wav');
  const client = pool.client();
  const stream = await client.audio.transcriptions.create({ model: WHISPER, file, language: 'de', stream: true });
  const events: AudioEvent[] = [];
  for await (const event of stream) events.push(event as AudioEvent);
  const done = events.pop();
  assert.deepEqual(done, {
    type: 'transcript.text.done',
    text: 'drei eins zwei haus elf',
    usage: { type: 'duration', seconds: 6 },
  });
  assert.ok(events.every(({ type }) => type === 'transcript.text.delta'));
  assert.equal(events.map(({ delta }) => delta).join(''), done?.text);
  // Tokens that come within milliseconds travel together.
  assert.ok(events.length >= 2, `${events.length} deltas`);
  const whole = await client.audio.transcriptions.create({ model: WHISPER, file, language: 'de' });
  assert.equal(whole.text, done?.text);
});

test('[AU3] [J16] a delta is passed on while the node still listens, and the receipt is of the whole', async (t) => {
  const { model, nodes } = await ears(t, 1);
  const asked = post(formOf(model));
  const job = await nodes[0].jobs.next();
  assert.equal((job.request as { stream?: boolean }).stream, true);
  assert.equal((job.request.input as { timestamps?: boolean }).timestamps, false);
  job.text('one', 1);
  const response = await asked;
  assert.equal(response.headers.get('content-type'), 'text/event-stream; charset=utf-8');
  assert.equal(response.headers.get('x-sparewatt-node'), nodes[0].nodeId);
  const reader = (response.body as ReadableStream<Uint8Array>).pipeThrough(new TextDecoderStream()).getReader();
  const first = await reader.read();
  assert.equal(first.value, 'data: {"type":"transcript.text.delta","delta":"one"}\n\n');
  job.done(heard('one two'));
  let rest = '';
  for (let part = await reader.read(); !part.done; part = await reader.read()) rest += part.value;
  const { events, isDone } = eventsOf(rest);
  assert.ok(isDone);
  assert.deepEqual(events, [
    { type: 'transcript.text.delta', delta: ' two' },
    { type: 'transcript.text.done', text: 'one two', usage: { type: 'duration', seconds: 2 } },
  ]);
  const receipt = await receiptOf(response.headers.get('x-sparewatt-job') ?? '');
  assert.equal(receipt.usage.measured?.outputTokens, null);
});

async function receiptOf(jobId: string): Promise<Receipt> {
  await until(async () => (await scripted.request(`/v1/jobs/${jobId}/receipt`)).ok);
  return (await (await scripted.request(`/v1/jobs/${jobId}/receipt`)).json()) as Receipt;
}

test('[J16] the answer of a node that tells nothing on the way comes as one delta, and silence as none', async (t) => {
  const { model, nodes } = await ears(t, 1);
  for (const [text, types] of [
    ['all at once', ['transcript.text.delta', 'transcript.text.done']],
    ['', ['transcript.text.done']],
  ] as const) {
    const asked = post(formOf(model));
    (await nodes[0].jobs.next()).done(heard(text));
    const { events } = eventsOf(await (await asked).text());
    assert.deepEqual(
      events.map(({ type }) => type),
      types,
    );
    assert.equal(events.at(-1)?.text, text);
  }
});

test('[R1] a node that is lost before its first word is followed by another; after it the stream ends with an error', async (t) => {
  const { model, nodes } = await ears(t, 3);
  const asked = post(formOf(model));
  const first = await nodes[0].jobs.next();
  first.send({ type: 'accepted' });
  await nodes[0].close();
  const second = await nodes[1].jobs.next();
  second.text('half ');
  const response = await asked;
  await nodes[1].close();
  const { events, isDone } = eventsOf(await response.text());
  assert.equal(isDone, false);
  assert.deepEqual(
    events.map(({ delta, error }) => delta ?? error?.code),
    ['half ', 'node_lost'],
  );
  assert.equal(nodes[2].jobs.all.length, 0);
});

test('[J16] a transcript that is another than what was told of it ends the stream with an error', async (t) => {
  const { model, nodes } = await ears(t, 1);
  const asked = post(formOf(model));
  const job = await nodes[0].jobs.next();
  job.text('one');
  job.done(heard('another one'));
  const { events } = eventsOf(await (await asked).text());
  assert.equal(events.at(-1)?.error?.code, 'protocol_violation');
});

test('[J16] a node that was not asked for text on the way and sends it breaks the rules', async (t) => {
  const { model, nodes } = await ears(t, 1);
  const asked = post(formOf(model, { stream: 'false' }));
  const job = await nodes[0].jobs.next();
  assert.ok(!('stream' in job.request));
  job.text('one');
  assertError(await readError(await asked), { code: 'protocol_violation' });
});

test('[AU3] a client that hangs up in the middle cancels the job', async (t) => {
  const { model, nodes } = await ears(t, 1);
  const leave = new AbortController();
  const asked = post(formOf(model), { signal: leave.signal });
  const job: ScriptedJob = await nodes[0].jobs.next();
  job.text('one', 3);
  const response = await asked;
  const id = response.headers.get('x-sparewatt-job') ?? '';
  leave.abort();
  assert.equal((await nodes[0].cancels.next()).job, id);
  job.fail('cancelled');
  await until(async () => (await scripted.request(`/v1/jobs/${id}`)).ok);
  const record = (await (await scripted.request(`/v1/jobs/${id}`)).json()) as FinishedJob;
  assert.deepEqual([record.state, record.usage], ['cancelled', { inputTokens: 0, outputTokens: 3 }]);
});

test('[AU3] what is wrong before the first word keeps its status and its name', async (t) => {
  const { model, nodes } = await ears(t, 1);
  const asked = post(formOf(model));
  const job = await nodes[0].jobs.next();
  job.send({ type: 'error', problem: { code: 'invalid_audio', detail: "'audio' is broken.", param: 'audio' } });
  assertError(await readError(await asked), { code: 'invalid_audio', param: 'file', message: /'file'/ });
  for (const format of ['srt', 'verbose_json']) {
    const refused = await post(formOf(model, { response_format: format }));
    assertError(await readError(refused), { code: 'invalid_value', param: 'response_format', message: /json or text/ });
  }
});
