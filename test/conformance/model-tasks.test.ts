import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { CapabilityAnswer } from '../../shared/api/capabilities.ts';
import type { RerankRequest, RerankResponse } from '../../shared/api/rerank.ts';
import { decodeWav, encodeWav } from '../../shared/runtimes/media/wav.ts';
import { assertClose } from '../support/close-to.ts';
import { assertError, type ExpectedError, readError } from '../support/error-answers.ts';
import { writeTableEncoder } from '../support/models/bigram-model.ts';
import {
  LETTER,
  RATE_HZ,
  toneSpeech,
  writeToneListener,
  writeToneSpeaker,
} from '../support/models/task-models/audio-models.ts';
import { writeStripeReader } from '../support/models/task-models/reading-models.ts';
import {
  writePairClassifier,
  writeTextClassifier,
  writeWordTranslator,
} from '../support/models/task-models/text-models.ts';
import { writeColourClassifier } from '../support/models/task-models/vision-models.ts';
import { BLACK, BLUE, GREEN, paint, pictureFile, RED } from '../support/pictures.ts';
import { startTaskPool, type WriteModel } from '../support/task-pool.ts';

const ranker: WriteModel = (root, id) => writePairClassifier(root, id, ['spare', 'gpu', 'tea'], { relevance: 1 });
/** Which way a text points: its letters a, b and c, each an axis. */
const vectors: WriteModel = (root, id) =>
  writeTableEncoder(root, id, { width: 3, row: (byte) => [97, 98, 99].map((letter) => (letter === byte ? 1 : 0)) });

const pool = await startTaskPool({
  'test/rank': ranker,
  'test/vectors': vectors,
  'test/ears': writeToneListener,
  'test/voice': writeToneSpeaker,
  'test/stripes': writeStripeReader,
  'test/colours': writeColourClassifier,
  'test/moods': (root, id) => writeTextClassifier(root, id, ['happy', 'sad'], { good: [2, 0], bad: [0, 2] }),
  'test/words': (root, id) => writeWordTranslator(root, id, { eins: 'one' }),
});
after(() => pool.close());
const client = pool.client();

async function capability(type: string, body: object): Promise<CapabilityAnswer['result']> {
  const { result } = await client.post<CapabilityAnswer>(`/capability/${type}`, { body });
  return result;
}

test('each capability ends in a real model', async () => {
  const audio = Buffer.from(encodeWav({ samples: toneSpeech('HELLO'), rateHz: RATE_HZ })).toString('base64');
  assert.deepEqual(await capability('stt', { audio, timestamps: false }), { text: 'HELLO', duration_s: 0.5 });
  const spoken = await capability('tts', { text: 'hi' });
  const { samples } = decodeWav(Buffer.from(String(spoken.audio), 'base64'));
  assert.deepEqual([spoken.media_type, samples.length], ['audio/wav', 2 * LETTER]);
  const stripes = [RED, GREEN, BLACK, BLACK];
  const image = await pictureFile(paint(8, 8, (x) => stripes[x >> 1] ?? BLACK));
  assert.deepEqual(await capability('ocr', { image }), { text: 'red green' });
});

test('a task goes to a model that does it, whatever else the model is for', async () => {
  const mood = await capability('task', { task: 'text-classification', text: 'good', model: 'test/moods', top: 1 });
  assert.equal((mood.labels as { label: string }[])[0]?.label, 'happy');
  const image = await pictureFile(paint(8, 8, () => BLUE));
  const colour = await capability('task', { task: 'image-classification', image, top: 1 });
  assert.equal((colour.labels as { label: string }[])[0]?.label, 'blue');
  assert.deepEqual(await capability('task', { task: 'translation', text: 'eins' }), { text: 'one' });
  // Meant for jobs of another type, and still a task of its model.
  const stripe = await pictureFile(paint(8, 8, (x) => (x < 4 ? BLUE : BLACK)));
  assert.deepEqual(await capability('task', { task: 'image-to-text', image: stripe }), { text: 'blue blue' });
});

test('a task that no model does, and one with a wrong input, are refused', async () => {
  const refused = async (body: object, expected: ExpectedError) => {
    const headers = { 'content-type': 'application/json' };
    const response = await pool.request('/v1/capability/task', { method: 'POST', headers, body: JSON.stringify(body) });
    assertError(await readError(response), expected);
  };
  await refused({ task: 'depth-estimation', image: 'AAAA' }, { code: 'no_capacity', message: /depth-estimation/ });
  await refused({ task: 'image-classification' }, { code: 'missing_required_parameter', param: 'image' });
  await refused({ task: 'image-classification', image: 'AAAA' }, { code: 'unsupported_media', param: 'image' });
});

test('models say what they do', async () => {
  const models = await client.models.list();
  const tasksOf = (id: string) =>
    (models.data.find((model) => model.id === id) as { capabilities?: string[] } | undefined)?.capabilities;
  assert.deepEqual(tasksOf('test/rank'), ['task', 'text-classification', 'rerank']);
  assert.deepEqual(tasksOf('test/ears'), ['stt', 'automatic-speech-recognition']);
});

const rerank = (body: RerankRequest) => client.post<RerankResponse>('/rerank', { body });

test('documents are ranked by a model that reads them with the query', async () => {
  const documents = ['tea', 'gpu gpu', { text: 'spare gpu' }];
  const answer = await rerank({ model: 'test/rank', query: 'spare gpu', documents, top_n: 2, return_documents: true });
  const sigmoid = (value: number) => 1 / (1 + Math.exp(-value));
  assertClose(answer.results, [
    { index: 1, relevance_score: sigmoid(2), document: { text: 'gpu gpu' } },
    { index: 2, relevance_score: sigmoid(2), document: { text: 'spare gpu' } },
  ]);
  assert.match(answer.id, /^job_/);
  assert.ok(answer.usage.total_tokens > 0);
});

test('documents are ranked by the nearness of their vectors', async () => {
  const answer = await rerank({ model: 'test/vectors', query: 'aab', documents: ['c', 'ab', 'aab', 'b'] });
  const cosine = (a: number[], b: number[]) =>
    a.reduce((sum, x, i) => sum + x * (b[i] ?? 0), 0) / (Math.hypot(...a) * Math.hypot(...b));
  assertClose(answer.results, [
    { index: 2, relevance_score: 1 },
    { index: 1, relevance_score: cosine([2, 1, 0], [1, 1, 0]) },
    { index: 3, relevance_score: cosine([2, 1, 0], [0, 1, 0]) },
    { index: 0, relevance_score: 0 },
  ]);
});

test('what cannot be ranked is refused', async () => {
  const body = { model: 'test/words', query: 'a', documents: ['b'] };
  await assert.rejects(rerank(body), /cannot rank/);
  await assert.rejects(rerank({ ...body, model: 'test/rank', documents: [] }), /documents/);
  await assert.rejects(rerank({ ...body, model: 'test/none' }), /no model/);
});
