/** The playground when something is given up, too large, refused, broken off or not there. */
import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import type { Browser, Locator, Page } from 'playwright-core';
import { LIMITS } from '../../shared/protocol/limits.ts';
import { encodeWav } from '../../shared/runtimes/media/wav.ts';
import { afterTest } from '../support/after-test.ts';
import { openConsole } from '../support/browsers/console-page.ts';
import { launchBrowser } from '../support/browsers/join-page.ts';
import { assertNoBarriers, openPanel } from '../support/browsers/playground-page.ts';
import { pretendedModel } from '../support/models/pretended-model.ts';
import { WHISPER_RATE_HZ, whisperSpeech, writeWordWhisper } from '../support/models/task-models/whisper-model.ts';
import { type Pool, startPool } from '../support/pool.ts';
import { type ControlledRuntime, createControlledRuntime } from '../support/runtimes/controlled-runtime.ts';
import { startTaskPool } from '../support/task-pool.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { until } from '../support/until.ts';

const PANELS = ['Rerank', 'Image', 'Speech', 'Transcription'] as const;
/** Of each kind one that answers when the test says so. */
const HELD = [
  pretendedModel('test/held-vectors', 'embed'),
  pretendedModel('test/held-painter', 'image'),
  pretendedModel('test/held-voice', 'tts'),
  pretendedModel('test/held-ears', 'stt'),
];

let pool: Pool;
let browser: Browser;
let runtime: ControlledRuntime;
before(async () => {
  pool = await startPool();
  runtime = createControlledRuntime(HELD);
  await pool.addNode({ runtime });
  browser = await launchBrowser();
});
after(async () => {
  await browser?.close();
  await pool?.close();
});

async function openPlayground(t: TestContext): Promise<{ page: Page; faults: string[] }> {
  const visitor = await openConsole(browser, pool, { hash: '#/playground' });
  afterTest(t, () => visitor.page.context().close());
  await visitor.page.emulateMedia({ reducedMotion: 'reduce' });
  return visitor;
}

const ask = (panel: Locator) => panel.getByRole('button', { name: 'Ask' }).press('Enter');
const wav = (bytes = 64) => ({ name: 'a.wav', mimeType: 'audio/wav', buffer: Buffer.alloc(bytes, 1) });
const chooseFile = (panel: Locator, file = wav()) => panel.getByLabel('Recording: wav').setInputFiles(file);
const refusalIn = (panel: Locator) => panel.getByRole('alert');

test('each question can be given up with the keyboard, and its node lets go of it', async (t) => {
  const { page, faults } = await openPlayground(t);
  for (const name of PANELS) {
    const panel = await openPanel(page, name);
    if (name === 'Transcription') await chooseFile(panel);
    await ask(panel);
    const run = await runtime.runs.next();
    await panel.getByText('Waiting for the answer').waitFor();
    await assertNoBarriers(page);
    await panel.getByRole('button', { name: 'Stop' }).press('Enter');
    await panel.getByRole('button', { name: 'Ask', disabled: false }).waitFor();
    await until(() => run.signal.aborted);
    run.fail(run.signal.reason);
    assert.equal(await refusalIn(panel).count(), 0, `${name}: who has given up is told of nothing`);
  }
  assert.deepEqual(faults, []);
});

test('a question goes on while another panel is looked at, and ends with its page', async (t) => {
  const { page, faults } = await openPlayground(t);
  const speech = await openPanel(page, 'Speech');
  await speech.getByLabel('What to say').fill('a long speech');
  await ask(speech);
  const first = await runtime.runs.next();
  const image = await openPanel(page, 'Image');
  assert.equal(await image.getByRole('button', { name: 'Ask' }).isEnabled(), true);
  await image.getByLabel('What to paint').fill('a long road');
  await ask(image);
  const second = await runtime.runs.next();
  assert.deepEqual([first.signal.aborted, second.signal.aborted], [false, false]);
  await openPanel(page, 'Speech');
  assert.equal(await speech.getByLabel('What to say').inputValue(), 'a long speech');
  await page.getByRole('link', { name: 'Overview' }).click();
  for (const run of [first, second]) {
    await until(() => run.signal.aborted);
    run.fail(run.signal.reason);
  }
  assert.deepEqual(faults, []);
});

test('what is too large or cannot be read is refused before anything is sent', async (t) => {
  const { page, faults } = await openPlayground(t);
  const sent: string[] = [];
  page.on('request', (request) => request.method() === 'POST' && sent.push(request.url()));
  const panel = await openPanel(page, 'Transcription');
  await ask(panel);
  await refusalIn(panel).getByText('There is no recording yet').waitFor();
  const folder = temporaryFolder(t);
  const large = join(folder, 'large.wav');
  writeFileSync(large, Buffer.alloc(LIMITS.maxRecordingBytes + 1));
  await panel.getByLabel('Recording: wav').setInputFiles(large);
  await ask(panel);
  await refusalIn(panel).getByText('at most 26.2 MB can be sent').waitFor();
  const code = refusalIn(panel).getByRole('link', { name: 'file_too_large' });
  assert.equal(await code.getAttribute('href'), '/problems/file_too_large');
  await assertNoBarriers(page);
  const gone = join(folder, 'gone.wav');
  writeFileSync(gone, 'RIFF');
  await panel.getByLabel('Recording: wav').setInputFiles(gone);
  rmSync(gone);
  await ask(panel);
  await refusalIn(panel).getByText('cannot be read any more').waitFor();
  const rerank = await openPanel(page, 'Rerank');
  await rerank.getByLabel('Documents, one').fill('tea\n'.repeat(LIMITS.maxRerankDocuments + 1));
  await ask(rerank);
  await refusalIn(rerank).getByText('These are 257 documents. Send 256 at most.').waitFor();
  assert.deepEqual(sent, []);
  // As much as may be is no refusal of the page.
  await rerank.getByLabel('Documents, one').fill('tea\n'.repeat(LIMITS.maxRerankDocuments));
  await ask(rerank);
  (await runtime.runs.next()).fail(new Error('not now'));
  await refusalIn(rerank).getByRole('link').waitFor();
  assert.equal(sent.length, 1);
  assert.deepEqual(faults, []);
});

test('a relay that is away, or goes in the middle of an answer, is told in words', async (t) => {
  const { page } = await openPlayground(t);
  for (const name of PANELS) {
    const panel = await openPanel(page, name);
    if (name === 'Transcription') await chooseFile(panel);
    await page.context().setOffline(true);
    await ask(panel);
    await refusalIn(panel).getByText('The relay does not answer').waitFor();
    await refusalIn(panel).getByRole('link', { name: 'relay_unreachable' }).waitFor();
    await page.context().setOffline(false);
  }
  const half = { status: 200, contentType: 'application/json', body: '{"data":[{"b64_js' };
  await page.route('**/v1/images/generations', (route) => route.fulfill(half));
  const panel = await openPanel(page, 'Image');
  await ask(panel);
  await refusalIn(panel).getByText('The answer broke off on its way').waitFor();
});

test('a node that gives something else than was asked for is told as what it is', async (t) => {
  const { page, faults } = await openPlayground(t);
  const panel = await openPanel(page, 'Image');
  await ask(panel);
  const run = await runtime.runs.next();
  run.finish({ output: { image: '<script>', media_type: 'text/html' } });
  await refusalIn(panel).getByText("The node's answer is no picture").waitFor();
  await refusalIn(panel).getByRole('link', { name: 'node_fault' }).waitFor();
  assert.equal(await panel.getByRole('img').count(), 0);
  assert.deepEqual(faults, []);
});

/** A microphone before which somebody says one word all the time. */
async function launchWithMicrophone(t: TestContext, ...flags: string[]): Promise<Browser> {
  const file = join(temporaryFolder(t), 'said.wav');
  const words = Array.from({ length: 8 }, () => 'haus');
  writeFileSync(file, encodeWav({ samples: whisperSpeech(words), rateHz: WHISPER_RATE_HZ }));
  const launched = await launchBrowser(
    '--use-fake-device-for-media-stream',
    `--use-file-for-fake-audio-capture=${file}`,
    ...flags,
  );
  afterTest(t, () => launched.close());
  return launched;
}

/** Whether the page listens can be asked of its tracks, and its recorder be given what takes an hour to record. */
const KEEP_MICROPHONE = `(() => {
  const devices = navigator.mediaDevices;
  const open = devices.getUserMedia.bind(devices);
  globalThis.tracks = [];
  devices.getUserMedia = async (wish) => {
    const stream = await open(wish);
    globalThis.tracks.push(...stream.getTracks());
    return stream;
  };
  const { start } = MediaRecorder.prototype;
  MediaRecorder.prototype.start = function (...args) {
    globalThis.recorder = this;
    return start.apply(this, args);
  };
})()`;
const RECORD_AN_HOUR =
  'recorder.dispatchEvent(new BlobEvent("dataavailable", { data: new Blob([new Uint8Array(25_960_000)]) }))';

test('what is said into the microphone is written down', async (t) => {
  const ears = await startTaskPool({ 'test/whisper': (root, id) => writeWordWhisper(root, id) });
  afterTest(t, ears.close);
  const spoken = await launchWithMicrophone(t, '--use-fake-ui-for-media-stream');
  const { page, faults } = await openConsole(spoken, ears, { hash: '#/playground' });
  await page.emulateMedia({ reducedMotion: 'reduce' });
  const panel = await openPanel(page, 'Transcription');
  await chooseFile(panel, { ...wav(), name: 'another.wav' });
  await panel.getByRole('button', { name: 'Record with the microphone' }).press('Enter');
  await panel.getByRole('timer').getByText('3 s').waitFor();
  await assertNoBarriers(page);
  await panel.getByRole('button', { name: 'End the recording' }).press('Enter');
  await panel.getByText('To be sent: recording.webm').waitFor();
  assert.equal(
    await panel.getByLabel('Recording: wav').inputValue(),
    '',
    'the file that was chosen is no longer named',
  );
  await ask(panel);
  await panel.locator('.answer-text', { hasText: /^\s*haus haus/ }).waitFor();
  await page.evaluate(KEEP_MICROPHONE);
  await panel.getByRole('button', { name: 'Record with the microphone' }).press('Enter');
  await panel.getByRole('timer').waitFor();
  await page.evaluate(RECORD_AN_HOUR);
  await panel.getByText(/^To be sent: recording.webm, 26(\.1)? MB$/).waitFor();
  const microphone = () => page.evaluate<string[]>('globalThis.tracks.map(({ readyState }) => readyState)');
  assert.deepEqual(await microphone(), ['ended'], 'what would be too large ends before it is');
  await panel.getByRole('button', { name: 'Record with the microphone' }).press('Enter');
  await panel.getByRole('timer').waitFor();
  assert.deepEqual(await microphone(), ['ended', 'live']);
  await page.getByRole('link', { name: 'Overview' }).click();
  await panel.waitFor({ state: 'detached' });
  assert.deepEqual(await microphone(), ['ended', 'ended'], 'nobody is listened to who has left');
  assert.deepEqual(faults, []);
});

test('a microphone that may not be used, or is none, is told with the other way', async (t) => {
  const silent = await launchWithMicrophone(t, '--deny-permission-prompts');
  const { page } = await openConsole(silent, pool, { hash: '#/playground' });
  const panel = await openPanel(page, 'Transcription');
  await panel.getByRole('button', { name: 'Record with' }).press('Enter');
  await refusalIn(panel).getByText('may not use the microphone').waitFor();
  await panel.getByRole('button', { name: 'Record with', disabled: false }).waitFor();
  const { page: without } = await openConsole(browser, pool, { hash: '#/playground' });
  await without.context().grantPermissions(['microphone']);
  const other = await openPanel(without, 'Transcription');
  await other.getByRole('button', { name: 'Record with' }).press('Enter');
  await refusalIn(other).getByText('No microphone could be opened').waitFor();
  // As on a page that came over plain HTTP from another machine.
  await without.evaluate("Object.defineProperty(navigator, 'mediaDevices', { value: undefined })");
  await other.getByRole('button', { name: 'Record with' }).press('Enter');
  await refusalIn(other).getByText('only over HTTPS').waitFor();
  await without.context().close();
});
