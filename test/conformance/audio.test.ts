import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { toFile } from 'openai';
import { decodeWav, encodeWav } from '../../shared/runtimes/media/wav.ts';
import { assertError, type ExpectedError, readError } from '../support/error-answers.ts';
import {
  LETTER,
  RATE_HZ,
  toneSpeech,
  writeToneListener,
  writeToneSpeaker,
} from '../support/models/task-models/audio-models.ts';
import { WHISPER_RATE_HZ, whisperSpeech, writeWordWhisper } from '../support/models/task-models/whisper-model.ts';
import { readEvents } from '../support/network/sse.ts';
import { AAC_RECORDINGS, CONTAINED, recordingFile } from '../support/recordings/sweep.ts';
import { startTaskPool } from '../support/task-pool.ts';
import { until } from '../support/until.ts';

const EARS = 'test/ears';
const VOICE = 'test/voice';
const WHISPER = 'test/whisper';
const LISTENER = 'test/whisper-that-tells-what-it-listens-to';
const pool = await startTaskPool({
  [EARS]: writeToneListener,
  [VOICE]: writeToneSpeaker,
  [WHISPER]: (root, id) => writeWordWhisper(root, id),
  [LISTENER]: (root, id) => writeWordWhisper(root, id, { tellsAttention: true }),
});
after(() => pool.close());
const client = pool.client();

const LETTER_S = LETTER / RATE_HZ;
const samples = new Float32Array(4 * RATE_HZ);
samples.set(toneSpeech('HELLO WORLD'));
samples.set(toneSpeech('BYE'), 2 * RATE_HZ);
const wav = encodeWav({ samples, rateHz: RATE_HZ });
const TEXT = 'HELLO WORLD BYE';
const file = () => toFile(wav, 'speech.wav');
const ask = async (more: object = {}) =>
  client.audio.transcriptions.create({ model: EARS, file: await file(), ...more });

const ENDS = { first: 11 * LETTER_S - 0.02, second: 2 + 3 * LETTER_S - 0.02 };

test('[AU1] a recording is written down in every format', async () => {
  const json = await ask();
  assert.equal(json.text, TEXT);
  assert.deepEqual(json.usage, { type: 'duration', seconds: 4 });
  assert.equal(await ask({ response_format: 'text' }), `${TEXT}\n`);
  assert.equal(
    await ask({ response_format: 'srt' }),
    '1\n00:00:00,000 --> 00:00:01,080\nHELLO WORLD\n\n2\n00:00:02,000 --> 00:00:02,280\nBYE\n',
  );
  assert.equal(
    await ask({ response_format: 'vtt' }),
    'WEBVTT\n\n00:00:00.000 --> 00:00:01.080\nHELLO WORLD\n\n00:00:02.000 --> 00:00:02.280\nBYE\n',
  );
});

test('[AU1] the long form tells times of phrases and of words', async () => {
  const granularities = { response_format: 'verbose_json', timestamp_granularities: ['word', 'segment'] };
  const verbose = await ask({ ...granularities, language: 'en' });
  assert.deepEqual(JSON.parse(JSON.stringify(verbose)), {
    task: 'transcribe',
    language: 'en',
    duration: 4,
    text: TEXT,
    segments: [
      { id: 0, seek: 0, start: 0, end: ENDS.first, text: 'HELLO WORLD', temperature: 0 },
      { id: 1, seek: 0, start: 2, end: ENDS.second, text: 'BYE', temperature: 0 },
    ],
    words: [
      { word: 'HELLO', start: 0, end: 0.48 },
      { word: 'WORLD', start: 0.6, end: 1.08 },
      { word: 'BYE', start: 2, end: ENDS.second },
    ],
    usage: { type: 'duration', seconds: 4 },
  });
  const words = await ask({ response_format: 'verbose_json', timestamp_granularities: ['word'] });
  assert.ok('words' in words && !('segments' in words));
});

test('[AU1] a Whisper model tells the times of words where its files say how, and else refuses', async () => {
  const speech = encodeWav({ samples: whisperSpeech(['drei', 'eins', '-']), rateHz: WHISPER_RATE_HZ });
  const wanted = { language: 'de', response_format: 'verbose_json' as const };
  const transcribe = async (model: string) =>
    client.audio.transcriptions.create({
      model,
      file: await toFile(speech, 'a.wav'),
      ...wanted,
      timestamp_granularities: ['word'],
    });
  const { words = [] } = await transcribe(LISTENER);
  assert.deepEqual(
    words.map(({ word, start, end }) => [word, Math.round(start), Math.round(end)]),
    [
      ['drei', 0, 1],
      ['eins', 1, 2],
    ],
  );
  await assert.rejects(transcribe(WHISPER), { code: 'unsupported_parameter', param: 'timestamp_granularities' });
});

/** A form as some client writes it: parts in the order given. */
async function post(path: string, parts: readonly (readonly [string, string | Blob, string?])[]): Promise<Response> {
  const form = new FormData();
  for (const [name, value, fileName] of parts) {
    if (typeof value === 'string') form.append(name, value);
    else form.append(name, value, fileName ?? 'blob');
  }
  return pool.request(path, { method: 'POST', body: form });
}

test('[AU2] fields may come after a large file', async () => {
  const large = encodeWav({ samples: new Float32Array(2_500_000), rateHz: RATE_HZ });
  assert.ok(large.length > 5_000_000);
  large.set(wav.subarray(44), 44);
  const response = await post('/v1/audio/transcriptions', [
    ['file', new Blob([large as Uint8Array<ArrayBuffer>])],
    ['response_format', 'verbose_json'],
    ['language', 'en'],
    ['model', EARS],
  ]);
  const { text, language, duration } = (await response.json()) as Record<string, unknown>;
  assert.deepEqual([text, language, duration], [TEXT, 'en', 156.25]);
});

const recording = (bytes: Uint8Array) => new Blob([bytes as Uint8Array<ArrayBuffer>]);

test('[AU4] what is sent is read by its content and refused by name', async () => {
  const named = await post('/v1/audio/transcriptions', [
    ['model', EARS],
    ['file', recording(wav), 'holiday.jpg'],
  ]);
  assert.equal(((await named.json()) as { text: string }).text, TEXT);
  const refused = async (bytes: Uint8Array, expected: ExpectedError) => {
    const parts = [['model', EARS] as const, ['file', recording(bytes), 'speech.wav'] as const];
    assertError(await readError(await post('/v1/audio/transcriptions', parts)), { param: 'file', ...expected });
  };
  await refused(new Uint8Array(), { code: 'invalid_audio', message: /empty/ });
  await refused(wav.subarray(0, 30), { code: 'invalid_audio' });
  await refused(Buffer.from('a text'), { code: 'invalid_audio' });
  await refused(Buffer.from('ID3\u0004\0\0\0\0'), { code: 'invalid_audio', message: /mp3.*wav/ });
  await refused(Buffer.from('\0\0\0\u0018ftypM4A '), { code: 'invalid_audio', message: /mp4/ });
  // No node without a browser decodes it.
  for (const name of AAC_RECORDINGS) {
    await refused(recordingFile(name), { code: 'invalid_audio', message: /AAC.*wav, mp3, flac, ogg or webm/ });
  }
  for (const name of [...CONTAINED, ...AAC_RECORDINGS]) {
    await refused(recordingFile(name).subarray(0, 90), { code: 'invalid_audio' });
  }
});

test('[AU4] recordings are decoded out of their containers, whatever their names and types say', async () => {
  for (const name of CONTAINED) {
    const response = await post('/v1/audio/transcriptions', [
      ['file', recording(recordingFile(name)), 'speech.mp3'],
      ['response_format', 'verbose_json'],
      ['model', EARS],
    ]);
    assert.equal(response.status, 200, name);
    const { duration = 0 } = (await response.json()) as { duration?: number };
    assert.ok(duration > 0.99 && duration < 1.1, `${name}: ${duration} s`);
  }
});

test('[AU4] a form that is broken, or asks for what there is not, is refused with the part', async () => {
  const parts = { model: EARS, file: recording(wav) };
  const refused = async (more: Record<string, string | Blob>, expected: ExpectedError) => {
    const all = Object.entries({ ...parts, ...more }).filter(([, value]) => value !== '');
    assertError(await readError(await post('/v1/audio/transcriptions', all)), expected);
  };
  await refused({ model: '' }, { code: 'missing_required_parameter', param: 'model' });
  await refused({ file: '' }, { code: 'missing_required_parameter', param: 'file' });
  await refused({ file: 'speech.wav' }, { code: 'invalid_value', param: 'file' });
  await refused({ model: VOICE }, { code: 'invalid_value', param: 'model' });
  await refused({ model: 'test/none' }, { code: 'model_not_found' });
  await refused({ response_format: 'docx' }, { code: 'invalid_value', param: 'response_format' });
  await refused({ stream: 'perhaps' }, { code: 'invalid_value', param: 'stream' });
  await refused({ 'timestamp_granularities[]': 'word' }, { code: 'invalid_value', param: 'timestamp_granularities' });
  const json = { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' };
  const asJson = await pool.request('/v1/audio/transcriptions', json);
  assertError(await readError(asJson), { code: 'unsupported_media_type', message: /multipart/ });
  const headers = { 'content-type': 'multipart/form-data; boundary=x' };
  const cut = await pool.request('/v1/audio/transcriptions', { method: 'POST', headers, body: '--x\r\nContent-Dis' });
  assertError(await readError(cut), { code: 'invalid_value', message: /form/ });
  const two = await post('/v1/audio/transcriptions', [
    ['file', recording(wav)],
    ['file', recording(wav)],
    ['model', EARS],
  ]);
  assertError(await readError(two), { code: 'invalid_value', param: 'file' });
});

/** More than a message of the bus takes. */
const MINUTES = 4;
const long = new Float32Array(MINUTES * 60 * RATE_HZ);
long.set(toneSpeech('HELLO WORLD'), 0);
long.set(toneSpeech('BYE'), long.length - 2 * RATE_HZ);
const longWav = encodeWav({ samples: long, rateHz: RATE_HZ });
const longFile = () => toFile(longWav, 'speech.wav');
const nothingKept = async (): Promise<void> => {
  // The answer goes out first.
  await until(async () => {
    const { data } = (await (await pool.request('/v1/files')).json()) as { data: unknown[] };
    return data.length === 0;
  });
  await until(() => filesBelow('files/contents').length + filesBelow('files/incoming').length === 0);
};
const filesBelow = (folder: string): string[] =>
  readdirSync(join(pool.dataFolder, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => name);

test('[AU2] a recording of several minutes is heard whole, as a stream too, and nothing of it is kept', async () => {
  assert.ok(longWav.length > 7_000_000);
  const granularities = { response_format: 'verbose_json' as const, timestamp_granularities: ['segment' as const] };
  const heard = await client.audio.transcriptions.create({ model: EARS, file: await longFile(), ...granularities });
  assert.equal(heard.text, TEXT);
  assert.equal(Math.round(Number(heard.duration)), MINUTES * 60);
  assert.equal(Math.round(heard.segments?.at(-1)?.start ?? 0), MINUTES * 60 - 2);
  await nothingKept();
  const parts = [['file', recording(longWav)] as const, ['model', EARS] as const, ['stream', 'true'] as const];
  const streamed = await post('/v1/audio/transcriptions', parts);
  assert.ok((await streamed.text()).includes(`"transcript.text.done","text":${JSON.stringify(TEXT)}`));
  await nothingKept();
});

test('[AU2] a client that hangs up in the middle of a long recording leaves nothing of it', async () => {
  const { hostname, port } = new URL(pool.relay.url);
  const socket = connect(Number(port), hostname);
  socket.on('error', () => undefined);
  const part = '--b\r\ncontent-disposition: form-data; name="file"; filename="a.wav"\r\n\r\n';
  socket.write(
    `POST /v1/audio/transcriptions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${pool.relay.apiKey}\r\n` +
      `content-type: multipart/form-data; boundary=b\r\ncontent-length: 9000000\r\n\r\n${part}`,
  );
  socket.write(longWav);
  await until(() => filesBelow('files/incoming').length === 1);
  socket.destroy();
  await nothingKept();
});

test('[AU2] a recording beyond 25 MiB is refused with the number, said or not, and leaves nothing', async () => {
  const expected: ExpectedError = { code: 'file_too_large', message: /26214400/, param: 'file' };
  const huge = recording(new Uint8Array(26_214_401));
  const said = await post('/v1/audio/transcriptions', [['file', huge]]);
  assert.equal(said.status, 413);
  assertError(await readError(said), expected);
  const form = new FormData();
  form.append('file', huge, 'speech.wav');
  const { body, headers } = new Response(form);
  const type = headers.get('content-type') ?? '';
  const request = { method: 'POST', headers: { 'content-type': type }, body, duplex: 'half' as const };
  const unsaid = await pool.request('/v1/audio/transcriptions', request);
  assertError(await readError(unsaid), expected);
  const unknown = await post('/v1/audio/transcriptions', [
    ['file', recording(longWav)],
    ['model', 'test/none'],
  ]);
  assertError(await readError(unknown), { code: 'model_not_found' });
  await nothingKept();
});

test('[AU4] what has no effect is named', async () => {
  const { response } = await client.audio.transcriptions
    .create({ model: EARS, file: await file(), prompt: 'names', temperature: 0.5 })
    .withResponse();
  assert.equal(response.headers.get('x-sparewatt-ignored-params'), 'prompt, temperature');
  assert.ok(response.headers.get('x-sparewatt-node'));
});

test('[AU5] a recording is written down in English in every format', async () => {
  const spoken = encodeWav({ samples: whisperSpeech(['elf', 'haus', '-']), rateHz: WHISPER_RATE_HZ });
  const translate = async (more: object = {}) =>
    client.audio.translations.create({ model: WHISPER, file: await toFile(spoken, 'speech.wav'), ...more });
  assert.equal((await translate()).text, 'eleven house');
  assert.equal(await translate({ response_format: 'text' }), 'eleven house\n');
  const cue = '00:00:00.000 --> 00:00:02.000\neleven house\n';
  assert.equal(await translate({ response_format: 'vtt' }), `WEBVTT\n\n${cue}`);
  assert.equal(await translate({ response_format: 'srt' }), `1\n${cue.replaceAll('.', ',')}`);
  const { task, language, duration } = JSON.parse(JSON.stringify(await translate({ response_format: 'verbose_json' })));
  assert.deepEqual([task, language, duration], ['translate', 'de', 3]);
});

test('[AU5] a model of one language says that it does not translate', async () => {
  const body = { model: EARS, file: await file() };
  await assert.rejects(client.audio.translations.create(body), /does not translate/);
});

test('[AU6] a text is spoken, and can be heard', async () => {
  const body = { model: VOICE, input: 'hello world', voice: 'alloy' } as const;
  const response = await client.audio.speech.create({ ...body, response_format: 'wav' });
  assert.equal(response.headers.get('content-type'), 'audio/wav');
  const bytes = new Uint8Array(await response.arrayBuffer());
  assert.equal(decodeWav(bytes).rateHz, RATE_HZ);
  const heard = await client.audio.transcriptions.create({ model: EARS, file: await toFile(bytes, 'x.wav') });
  assert.equal(heard.text, 'HELLO WORLD');
  const usual = await client.audio.speech.create(body);
  assert.equal(usual.headers.get('content-type'), 'audio/wav');
  const pcm = await client.audio.speech.create({ ...body, response_format: 'pcm' });
  assert.equal(pcm.headers.get('content-type'), 'audio/pcm');
  assert.equal((await pcm.arrayBuffer()).byteLength, 2 * 11 * LETTER * 1.5);
});

test('[AU6] speech comes as events where that is asked, and other forms are refused', async () => {
  const body = { model: VOICE, input: 'a', voice: 'alloy' };
  const say = (more: object) =>
    pool.request('/v1/audio/speech', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ...body, ...more }),
    });
  const { events, isDone } = readEvents(await (await say({ stream_format: 'sse' })).text());
  assert.ok(isDone);
  assert.deepEqual(
    events.map((event) => (event as { type?: string }).type),
    ['speech.audio.delta', 'speech.audio.done'],
  );
  const refused = async (more: object, expected: ExpectedError) => {
    assertError(await readError(await say(more)), expected);
  };
  for (const response_format of ['mp3', 'opus', 'aac', 'flac', 'ogg', '']) {
    await refused({ response_format }, { code: 'invalid_value', param: 'response_format', message: /wav or pcm/ });
  }
  await refused({ stream_format: 'chunks' }, { code: 'invalid_value', param: 'stream_format' });
  const audio = await say({ stream_format: 'audio', response_format: 'pcm', speed: 1 });
  assert.equal(audio.headers.get('content-type'), 'audio/pcm');
  await refused({ speed: 2 }, { code: 'unsupported_parameter', param: 'speed' });
  await refused({ voice: 'nobody' }, { code: 'unsupported_parameter', param: 'voice' });
  await refused({ model: EARS }, { code: 'invalid_value', param: 'model' });
  await refused({ input: '' }, { code: 'invalid_value', param: 'input' });
});
