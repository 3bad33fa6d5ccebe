/** The panels of the console's playground whose answers are rankings, pictures, sounds and transcripts, with models that make them. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import type { Browser, Locator, Page } from 'playwright-core';
import { decodeWav, encodeWav } from '../../shared/runtimes/media/wav.ts';
import { afterTest } from '../support/after-test.ts';
import { openConsole } from '../support/browsers/console-page.ts';
import { launchBrowser } from '../support/browsers/join-page.ts';
import {
  assertFits,
  assertNoBarriers,
  openPanel,
  rowsOf,
  runInNode,
  runInShell,
  snippetOf,
} from '../support/browsers/playground-page.ts';
import { writeTableEncoder } from '../support/models/bigram-model.ts';
import {
  RATE_HZ,
  toneSpeech,
  writeToneListener,
  writeToneSpeaker,
} from '../support/models/task-models/audio-models.ts';
import { PAINTED_SIDE, writePainter } from '../support/models/task-models/painter-model.ts';
import { writePairClassifier } from '../support/models/task-models/text-models.ts';
import { readPicture } from '../support/pictures.ts';
import type { Pool } from '../support/pool.ts';
import { startTaskPool, type WriteModel } from '../support/task-pool.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { until } from '../support/until.ts';

const ranker: WriteModel = (root, id) => writePairClassifier(root, id, ['spare', 'gpu', 'tea'], { relevance: 1 });
/** Which way a text points: its letters a and b, each an axis. */
const encoder: WriteModel = (root, id) =>
  writeTableEncoder(root, id, { width: 2, row: (byte) => [97, 98].map((letter) => (letter === byte ? 1 : 0)) });
const MODELS = {
  'test/encoder': encoder,
  'test/ranker': ranker,
  'test/painter': writePainter,
  'test/voice': writeToneSpeaker,
  'test/ears': writeToneListener,
};
/** What the page has made addresses for, and not freed yet. */
const COUNT_URLS = `(() => {
  const [make, free] = [URL.createObjectURL, URL.revokeObjectURL];
  globalThis.urls = new Set();
  URL.createObjectURL = (bytes) => { const url = make.call(URL, bytes); globalThis.urls.add(url); return url; };
  URL.revokeObjectURL = (url) => { globalThis.urls.delete(url); free.call(URL, url); };
})()`;

let pool: Pool;
let browser: Browser;
before(async () => {
  pool = await startTaskPool(MODELS);
  browser = await launchBrowser('--autoplay-policy=no-user-gesture-required');
});
after(async () => {
  await browser?.close();
  await pool?.close();
});

async function openPlayground(t: TestContext, name: string): Promise<{ page: Page; panel: Locator; faults: string[] }> {
  const { page, faults } = await openConsole(browser, pool, { hash: '#/playground' });
  afterTest(t, () => page.context().close());
  await page.evaluate(COUNT_URLS);
  await page.emulateMedia({ reducedMotion: 'reduce' });
  return { page, panel: await openPanel(page, name), faults };
}

const ask = (panel: Locator) => panel.getByRole('button', { name: 'Ask' }).press('Enter');
const modelsOf = (panel: Locator) => panel.getByLabel('Model', { exact: true }).locator('option').allTextContents();
const urlsOf = (page: Page) => page.evaluate<number>('globalThis.urls.size');
const factOf = (panel: Locator, name: string) => panel.locator('.facts-list > div', { hasText: name }).locator('dd');

/** How long it took, which node did it and what proves it. */
async function assertFacts(panel: Locator): Promise<void> {
  assert.match((await factOf(panel, 'Took').textContent()) ?? '', /^[\d.]+ m?s$/);
  await factOf(panel, 'Node').getByRole('link').waitFor();
  await factOf(panel, 'Receipt')
    .getByRole('link', { name: /^rcpt_/ })
    .waitFor();
}

/** What is copied as curl and as JavaScript, run in a folder of its own each; what each said and the files it has left. */
async function runCopied(t: TestContext, panel: Locator, prepare: (folder: string) => void = () => undefined) {
  const run = async (language: string, start: typeof runInShell) => {
    const folder = temporaryFolder(t);
    prepare(folder);
    const program = await snippetOf(panel, language);
    assert.ok(!program.includes(pool.relay.apiKey), program);
    const output = await start(pool, program, folder);
    const read = (name: string) => readFileSync(join(folder, name));
    return { output, read, files: readdirSync(folder).filter((name) => name !== 'node_modules') };
  };
  return { curl: await run('curl', runInShell), javaScript: await run('JavaScript', runInNode) };
}

/** The bytes that a link of the page saves. */
async function savedBy(page: Page, link: Locator): Promise<{ name: string; bytes: Buffer }> {
  const [download] = await Promise.all([page.waitForEvent('download'), link.press('Enter')]);
  return { name: download.suggestedFilename(), bytes: readFileSync(await download.path()) };
}

test('documents are ranked, by a reranking model or by the nearness of their vectors', async (t) => {
  const { page, panel, faults } = await openPlayground(t, 'Rerank');
  assert.deepEqual(await modelsOf(panel), ['test/ranker', 'test/encoder'], 'what is made for it comes first');
  await panel.getByLabel('API key').fill(pool.relay.apiKey);
  await panel.getByLabel('Query').fill('spare gpu');
  await panel.getByLabel('Documents, one').fill("tea\n\n it's spare \nspare gpu gpu");
  await ask(panel);
  assert.deepEqual(await rowsOf(panel), [
    ['1', 'spare gpu gpu', '0.953'],
    ['2', "it's spare", '0.731'],
    ['3', 'tea', '0.500'],
  ]);
  await assertFacts(panel);
  await assertNoBarriers(page);
  await assertFits(page);
  const { curl, javaScript } = await runCopied(t, panel);
  const { results } = JSON.parse(curl.output) as { results: { index: number }[] };
  assert.deepEqual(
    results.map(({ index }) => index),
    [2, 1, 0],
  );
  assert.match(javaScript.output, /^2 0\.95\d+\n1 0\.73\d+\n0 0\.5\n$/);
  await panel.getByLabel('Only the best').fill('1');
  assert.match(await snippetOf(panel, 'curl'), /"top_n": 1\n/);
  await ask(panel);
  await until(async () => (await panel.locator('tbody tr').count()) === 1);
  assert.deepEqual(await rowsOf(panel), [['1', 'spare gpu gpu', '0.953']]);
  await panel.getByLabel('Only the best').fill('');
  await panel.getByLabel('Model', { exact: true }).selectOption('test/encoder');
  await panel.getByLabel('Query').fill('aab');
  await panel.getByLabel('Documents, one').fill('b\na');
  await ask(panel);
  await panel.locator('tbody tr', { hasText: '0.894' }).waitFor();
  assert.deepEqual(await rowsOf(panel), [
    ['1', 'a', '0.894'],
    ['2', 'b', '0.447'],
  ]);
  assert.deepEqual(faults, []);
});

test('pictures are shown and saved, and what is copied paints the same', async (t) => {
  const { page, panel, faults } = await openPlayground(t, 'Image');
  assert.deepEqual(await modelsOf(panel), ['test/painter']);
  await panel.getByLabel('What to paint').fill("it's a big garden");
  await panel.getByLabel('Pictures').fill('2');
  await panel.getByLabel('Size').fill('8x8');
  await panel.getByLabel('Seed').fill('5');
  await panel.getByLabel('API key').fill(pool.relay.apiKey);
  await ask(panel);
  await panel.getByRole('img', { name: "it's a big garden (2 of 2)" }).waitFor();
  assert.equal(await factOf(panel, 'Size').textContent(), '8x8');
  await assertFacts(panel);
  const shown = await page.evaluate<number[]>(
    'Promise.all([...document.images].map(async (image) => (await image.decode(), image.naturalWidth)))',
  );
  assert.deepEqual(shown, [PAINTED_SIDE, PAINTED_SIDE]);
  const saved = await savedBy(page, panel.getByRole('link', { name: 'Save picture-2.png' }));
  assert.equal(saved.name, 'picture-2.png');
  assert.equal((await readPicture(saved.bytes.toString('base64'))).width, PAINTED_SIDE);
  await assertNoBarriers(page);
  await assertFits(page);
  const { curl, javaScript } = await runCopied(t, panel);
  for (const { read, files } of [curl, javaScript]) {
    assert.deepEqual(files, ['picture-1.png', 'picture-2.png']);
    assert.deepEqual(read('picture-2.png'), saved.bytes);
  }
  assert.match(await snippetOf(panel, 'Python'), /n=2,\n {4}size="8x8",\n {4}extra_body=\{"seed":5\},\n\)/);
  assert.equal(await urlsOf(page), 2);
  await panel.getByLabel('Pictures').fill('1');
  await ask(panel);
  await panel.getByRole('img', { name: "it's a big garden", exact: true }).waitFor();
  assert.equal(await urlsOf(page), 1, 'what is no longer shown is freed');
  await page.getByRole('link', { name: 'Overview' }).click();
  await panel.waitFor({ state: 'detached' });
  assert.equal(await urlsOf(page), 0);
  assert.deepEqual(faults, []);
});

test('a text is spoken, played and saved, and what is copied speaks the same', async (t) => {
  const { page, panel, faults } = await openPlayground(t, 'Speech');
  assert.deepEqual(await modelsOf(panel), ['test/voice']);
  await panel.getByLabel('What to say').fill('hello world');
  await panel.getByLabel('API key').fill(pool.relay.apiKey);
  await ask(panel);
  const sound = panel.getByLabel('What was spoken');
  await sound.waitFor();
  const playedS = await page.evaluate<number>(`(async () => {
    const audio = document.querySelector('audio');
    const ended = new Promise((done) => audio.addEventListener('ended', done, { once: true }));
    await audio.play();
    await ended;
    return audio.duration;
  })()`);
  assert.ok(Math.abs(playedS - 1.1) < 0.01, String(playedS));
  await assertFacts(panel);
  const saved = await savedBy(page, panel.getByRole('link', { name: 'Save speech.wav' }));
  assert.equal(saved.name, 'speech.wav');
  assert.equal(decodeWav(saved.bytes).samples.length, toneSpeech('HELLO WORLD').length);
  await assertNoBarriers(page);
  await assertFits(page);
  const { curl, javaScript } = await runCopied(t, panel);
  for (const { read, files } of [curl, javaScript]) {
    assert.deepEqual(files, ['speech.wav']);
    assert.deepEqual(read('speech.wav'), saved.bytes);
  }
  assert.match(await snippetOf(panel, 'Python'), /voice="default",\n\)\nanswer\.write_to_file\("speech\.wav"\)/);
  assert.equal(await urlsOf(page), 1);
  const before = await sound.getAttribute('src');
  await ask(panel);
  // It is away for as long as the answer takes, which nobody need see.
  await until(async () => (await sound.getAttribute('src')) !== before);
  assert.equal(await urlsOf(page), 1);
  await panel.getByLabel('Voice').fill('grandmother');
  await ask(panel);
  await panel.getByRole('alert').getByText('has one voice only').waitFor();
  const code = panel.getByRole('alert').getByRole('link', { name: 'unsupported_parameter' });
  assert.equal(await code.getAttribute('href'), '/problems/unsupported_parameter');
  assert.equal(await urlsOf(page), 0, 'an answer that is gone is freed');
  assert.deepEqual(faults, []);
});

const SPEECH = encodeWav({ samples: toneSpeech('HELLO WORLD'), rateHz: RATE_HZ });

test('a recording is written down with its times, and what is copied does the same', async (t) => {
  const { page, panel, faults } = await openPlayground(t, 'Transcription');
  assert.deepEqual(await modelsOf(panel), ['test/ears']);
  // What shells, curl and JSON would each read otherwise.
  const file = join(temporaryFolder(t), `it's "mine";type=$(x) \\ @<1.wav`);
  writeFileSync(file, SPEECH);
  await panel.getByLabel('Recording: wav').setInputFiles(file);
  await panel.getByText(/^To be sent: it's "mine";.* 35\.2 kB$/).waitFor();
  await panel.getByLabel('API key').fill(pool.relay.apiKey);
  await ask(panel);
  await panel.locator('.answer-text', { hasText: 'HELLO WORLD' }).waitFor();
  assert.deepEqual(await rowsOf(panel), [['0.00 s', '1.08 s', 'HELLO WORLD']]);
  assert.equal(await factOf(panel, 'Length').textContent(), '1.1 s');
  await assertFacts(panel);
  await assertNoBarriers(page);
  await assertFits(page);
  await panel.getByLabel('Times').selectOption('of words');
  await panel.getByLabel('Language').fill('en');
  await ask(panel);
  await panel.locator('tbody tr', { hasText: '0.48 s' }).waitFor();
  assert.deepEqual(await rowsOf(panel), [
    ['0.00 s', '0.48 s', 'HELLO'],
    ['0.60 s', '1.08 s', 'WORLD'],
  ]);
  const { curl, javaScript } = await runCopied(t, panel, (folder) =>
    writeFileSync(join(folder, basename(file)), SPEECH),
  );
  const { text, language, words } = JSON.parse(curl.output) as { text: string; language: string; words: object[] };
  assert.deepEqual([text, language, words.length], ['HELLO WORLD', 'en', 2]);
  assert.equal(javaScript.output, 'HELLO WORLD\n0 0.48 HELLO\n0.6 1.08 WORLD\n');
  await panel.getByLabel('Times').selectOption('none');
  await ask(panel);
  await panel.locator('tbody').waitFor({ state: 'detached' });
  await panel.locator('.answer-text', { hasText: 'HELLO WORLD' }).waitFor();
  assert.equal(await panel.locator('tbody').count(), 0);
  await assertFacts(panel);
  const streamed = await runCopied(t, panel, (folder) => writeFileSync(join(folder, basename(file)), SPEECH));
  assert.match(streamed.curl.output, /"type":"transcript\.text\.delta"[\s\S]*data: \[DONE\]/);
  assert.equal(streamed.javaScript.output, 'HELLO WORLD');
  assert.match(await snippetOf(panel, 'Python'), /file=open\("it's \\"mine\\";type=\$\(x\) \\\\ @<1\.wav", "rb"\),/);
  await panel.getByLabel('Written in').selectOption('English');
  const asked = page.waitForRequest((request) => request.url().endsWith('/v1/audio/translations'));
  await ask(panel);
  await asked;
  // This model knows one language.
  await panel.getByRole('alert').getByRole('link', { name: 'unsupported_parameter' }).waitFor();
  assert.match(
    await snippetOf(panel, 'Python'),
    /translations\.create\(\n {4}file=[\s\S]*extra_body=\{"language":"en"\},\n\)/,
  );
  assert.equal(await urlsOf(page), 1);
  await panel.getByLabel('Recording: wav').setInputFiles([]);
  await panel.getByText('To be sent').waitFor({ state: 'detached' });
  assert.equal(await urlsOf(page), 0);
  assert.deepEqual(faults, []);
});
