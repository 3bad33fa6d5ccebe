/** Services whose input names a file: small ones travel in the message, larger ones are fetched by their node. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, test } from 'node:test';
import sharp from 'sharp';
import { JOB_LIMITS } from '../../relay/compose/services-options.ts';
import type { FileObject } from '../../shared/api/files.ts';
import type { ServiceAnswer } from '../../shared/api/services.ts';
import { requestBytes } from '../../shared/receipts/hashed-content.ts';
import type { Receipt } from '../../shared/receipts/receipt.ts';
import { resample } from '../../shared/runtimes/media/resample.ts';
import { encodeWav } from '../../shared/runtimes/media/wav.ts';
import { assertError, readError } from '../support/error-answers.ts';
import { writeStripeReader } from '../support/models/task-models/reading-models.ts';
import { writeColourClassifier } from '../support/models/task-models/vision-models.ts';
import { WHISPER_RATE_HZ, whisperSpeech, writeWordWhisper } from '../support/models/task-models/whisper-model.ts';
import { BLUE, GREEN, paint, RED } from '../support/pictures.ts';
import { endOf, postJob, resultOf, submit } from '../support/queued-jobs.ts';
import { startTaskPool } from '../support/task-pool.ts';
import { until } from '../support/until.ts';

const WHISPER = 'test/whisper';
const READER = 'test/stripe-reader';
const COLOURS = 'test/colours';
const pool = await startTaskPool({
  [WHISPER]: (root, id) => writeWordWhisper(root, id),
  [READER]: (root, id) => writeStripeReader(root, id),
  [COLOURS]: (root, id) => writeColourClassifier(root, id),
});
after(() => pool.close());
const { relay, request } = pool;

/** So much does a message of the bus take as base64. */
const MESSAGE_BYTES = 6_242_304;
const JSON_BODY = { 'content-type': 'application/json' };
const digestOf = (content: Uint8Array): string => createHash('sha256').update(content).digest('hex');

/** At the rate of a studio, so that a minute is too large for a message. */
const STUDIO_HZ = 48_000;
const KNOWN = ['drei', 'eins', 'zwei', 'haus', 'elf', 'tee', 'neun'];
/** No run of words comes twice, so that the overlaps of windows can only be joined in one way. */
const words = Array.from({ length: 66 }, (_, at) => KNOWN[(at * at * 5 + at * 2 + (at >> 3)) % KNOWN.length] ?? '');
const speech = resample(whisperSpeech(words), WHISPER_RATE_HZ, STUDIO_HZ);
const recording = encodeWav({ samples: speech, rateHz: STUDIO_HZ });
const TEXT = words.join(' ');
const asked = { model: WHISPER, language: 'de' };

async function upload(content: Uint8Array, query = ''): Promise<FileObject> {
  const answer = await request(`/v1/files${query}`, { method: 'POST', body: content as Uint8Array<ArrayBuffer> });
  const file = (await answer.json()) as FileObject;
  assert.equal(answer.status, 200, JSON.stringify(file));
  return file;
}

function call(service: string, input: object): Promise<Response> {
  return request(`/v1/services/${service}`, { method: 'POST', headers: JSON_BODY, body: JSON.stringify(input) });
}

async function run(service: string, input: object): Promise<ServiceAnswer> {
  const answer = await call(service, input);
  const body = (await answer.json()) as ServiceAnswer;
  assert.equal(answer.status, 200, JSON.stringify(body));
  return body;
}

/** Upright stripes, written without packing: as large as a scan. */
async function stripes(width: number, height: number): Promise<Buffer> {
  const colours = [RED, GREEN, BLUE, RED];
  const { data } = paint(width, height, (x) => colours[Math.floor((x * 4) / width)] ?? RED);
  return sharp(data, { raw: { width, height, channels: 3 } })
    .png({ compressionLevel: 0 })
    .toBuffer();
}

test('a recording that is too large for a message is heard to its end, and its receipt covers it', async () => {
  assert.ok(recording.length > MESSAGE_BYTES);
  const file = await upload(recording);
  const { output, receipt } = await run('whisper/transcribe', { ...asked, file_id: file.id, timestamps: true });
  assert.equal(output.text, TEXT);
  const segments = output.segments as { end_s: number }[];
  assert.equal(Math.round(segments.at(-1)?.end_s ?? 0), words.length);
  await until(async () => (await request(`/v1/receipts/${receipt.id}`)).status === 200);
  const kept = (await (await request(`/v1/receipts/${receipt.id}`)).json()) as Receipt;
  const audio = { sha256: digestOf(recording), bytes: recording.length };
  const input = { audio, language: 'de', task: 'transcribe', timestamps: true };
  assert.equal(kept.requestHash, digestOf(requestBytes({ type: 'stt', model: WHISPER, input })));
  assert.equal((await request(`/v1/files/${file.id}`)).status, 200, 'it is its owner’s, who removes it');
});

test('a job of the queue reads such a recording, too', async () => {
  const file = await upload(recording);
  const input = { file_id: file.id, language: 'de' };
  const { id } = await submit(pool, { service: 'whisper/transcribe', model: WHISPER, input });
  const { state, problem } = await endOf(pool, id);
  assert.equal(state, 'succeeded', JSON.stringify(problem));
  const { result } = (await (await resultOf(pool, id)).json()) as { result: { text: string } };
  assert.equal(result.text, TEXT);
});

test('a picture that is too large for a message is read', async () => {
  const picture = await stripes(1_600, 1_400);
  assert.ok(picture.length > MESSAGE_BYTES);
  const file = await upload(picture);
  const { output } = await run('ocr/read', { file_id: file.id, model: READER });
  assert.equal(output.text, 'red green blue red');
});

test('an operator’s service reads files as large as its own schema takes', async () => {
  const service = 'house/colour';
  const picture = await stripes(1_600, 1_400);
  const put = (maxLength: number) =>
    request(`/v1/admin/services/${service}`, {
      method: 'PUT',
      headers: { ...JSON_BODY, authorization: `Bearer ${relay.adminToken}` },
      body: JSON.stringify({
        category: 'ai-ml',
        title: 'Colour',
        description: 'Names the colour of a picture.',
        input: {
          type: 'object',
          properties: {
            task: { type: 'string', default: 'image-classification' },
            image: { type: 'string', contentEncoding: 'base64', maxLength },
            file_id: { type: 'string' },
          },
        },
        output: { type: 'object', required: ['labels'] },
        runtime: { type: 'task' },
        default_model: COLOURS,
        price_unit: 'image',
        examples: [{ input: { image: 'iVBORw0KGgo=' } }],
      }),
    });
  const { id } = await upload(picture);
  const added = await put(12_000_000);
  assert.equal(added.status, 201, await added.text());
  const { output } = await run(service, { file_id: id });
  assert.equal((output.labels as { label: string }[])[0]?.label, 'red');
  assert.equal((await put(4_000_000)).status, 200);
  assertError(await readError(await call(service, { file_id: id })), {
    code: 'file_too_large',
    param: 'file_id',
    message: /up to 3000000 bytes, and this has \d+\. Send a smaller one/,
  });
});

test('what is larger than a task reads is refused before any node hears of it, with the number', async () => {
  const huge = await upload(new Uint8Array(26_214_401));
  const expected = { code: 'file_too_large', message: /up to 26214400 bytes, and this has 26214401\. Send/ } as const;
  const refused = await call('whisper/transcribe', { ...asked, file_id: huge.id });
  assertError(await readError(refused), { ...expected, param: 'file_id' });
  const queued = await postJob(pool, { service: 'ocr/read', model: READER, input: { file_id: huge.id } });
  assertError(await readError(queued), { ...expected, param: 'input.file_id' });
  const numbers = await upload(new Uint8Array(5_242_884));
  const kernel = await call('science/fourier-transform', { length: 2, file_id: numbers.id });
  assertError(await readError(kernel), { code: 'file_too_large', param: 'file_id', message: /up to 5242880 bytes/ });
});

test('a file that its node fetches lives at least as long as the call may take', async () => {
  const read = async ({ id }: FileObject) => (await (await request(`/v1/files/${id}`)).json()) as FileObject;
  const file = await upload(recording, '?expires_after_s=60');
  const asksUntil = Math.floor(Date.now() / 1_000) + (JOB_LIMITS.maxWaitMs + JOB_LIMITS.timeoutMs) / 1_000;
  await run('whisper/transcribe', { ...asked, file_id: file.id });
  assert.ok((await read(file)).expires_at >= asksUntil);
  const small = await upload(
    encodeWav({ samples: whisperSpeech(['eins']), rateHz: WHISPER_RATE_HZ }),
    '?expires_after_s=60',
  );
  await run('whisper/transcribe', { ...asked, file_id: small.id });
  assert.equal((await read(small)).expires_at, small.expires_at, 'this one was read before the call began to wait');
});

test('a file that is no more, or was never there, is named', async () => {
  const file = await upload(recording);
  assert.equal((await request(`/v1/files/${file.id}`, { method: 'DELETE' })).status, 200);
  for (const id of [file.id, 'file_none']) {
    const refused = await call('whisper/transcribe', { ...asked, file_id: id });
    assertError(await readError(refused), { code: 'file_not_found', param: 'file_id', message: /Upload it again/ });
  }
});
