/** The panels of the console's playground beside the chat, and what each gives to copy. */
import assert from 'node:assert/strict';
import { after, before, type TestContext, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { afterTest } from '../support/after-test.ts';
import { openConsole } from '../support/browsers/console-page.ts';
import { launchBrowser } from '../support/browsers/join-page.ts';
import {
  assertNoBarriers,
  openPanel,
  rowsOf,
  runInNode,
  runInShell,
  snippetOf,
} from '../support/browsers/playground-page.ts';
import { type Pool, startTestPool } from '../support/pool.ts';
import { createScriptedRuntime } from '../support/runtimes/scripted-runtime.ts';
import { createSyntheticRuntime, type SyntheticRuntime } from '../support/runtimes/synthetic-runtime.ts';

/** Over each direction of its vectors stands one of these words. */
const WORDS = ['sun', 'rain'];

let browser: Browser;
before(async () => {
  browser = await launchBrowser();
});
after(async () => {
  await browser?.close();
});

/** Vectors that say how often each of the words is in a text. */
function wordCounter(): SyntheticRuntime {
  const synthetic = createSyntheticRuntime();
  return {
    ...synthetic,
    run: async (job, output, signal) => {
      if (job.type !== 'embed') return synthetic.run(job, output, signal);
      const counts = job.input.inputs.flatMap((text) => WORDS.map((word) => String(text).split(word).length - 1));
      output.vectors(0, job.input.inputs.length, WORDS.length, Float32Array.from(counts));
      const execution = { runtime: 'synthetic', device: 'none', dtype: 'none', revision: '1', digest: null };
      return { finishReason: 'stop', usage: { inputTokens: 1, outputTokens: 0 }, execution };
    },
  };
}

type Opened = { pool: Pool; page: Page; faults: unknown[] };

async function openPlayground(t: TestContext, runtime?: SyntheticRuntime): Promise<Opened> {
  const pool = await startTestPool(t);
  if (runtime !== undefined) await pool.addNode({ name: 'attic', runtime });
  const { page, faults } = await openConsole(browser, pool, { hash: '#/playground' });
  afterTest(t, () => page.context().close());
  await page.emulateMedia({ reducedMotion: 'reduce' });
  return { pool, page, faults };
}

test('texts become vectors, each with its likeness to the first, and what is copied does the same', async (t) => {
  const { pool, page, faults } = await openPlayground(t, wordCounter());
  const panel = await openPanel(page, 'Embeddings');
  const models = await panel.getByLabel('Model', { exact: true }).locator('option').allTextContents();
  assert.deepEqual(models, ['test/vectors'], 'no model of another kind is offered');
  await panel.getByLabel('Texts, one').fill("it's sun\n\n rain \nsun sun rain");
  await panel.getByLabel('API key').fill(pool.relay.apiKey);
  await panel.getByRole('button', { name: 'Ask' }).click();
  assert.deepEqual(await rowsOf(panel), [
    ["it's sun", '1.000, 0.000', '1.000'],
    ['rain', '0.000, 1.000', '0.000'],
    ['sun sun rain', '2.000, 1.000', '0.894'],
  ]);
  await panel.locator('.facts-list > div', { hasText: 'Dimensions' }).getByText('2', { exact: true }).waitFor();
  await panel.getByRole('link', { name: /^rcpt_/ }).waitFor();
  await assertNoBarriers(page);
  const [curl, javaScript, python] = [
    await snippetOf(panel, 'curl'),
    await snippetOf(panel, 'JavaScript'),
    await snippetOf(panel, 'Python'),
  ];
  for (const text of [curl, javaScript, python]) assert.ok(!text.includes(pool.relay.apiKey), text);
  const { data } = JSON.parse(await runInShell(pool, curl)) as { data: { embedding: number[] }[] };
  assert.deepEqual(
    data.map(({ embedding }) => embedding),
    [
      [1, 0],
      [0, 1],
      [2, 1],
    ],
  );
  assert.equal(await runInNode(pool, javaScript), '2 [ 1, 0 ]\n2 [ 0, 1 ]\n2 [ 2, 1 ]\n');
  assert.match(python, /client\.embeddings\.create\(\n {4}model="test\/vectors",\n {4}input=\["it's sun","rain",/);
  assert.deepEqual(faults, []);
});

test('the panels are chosen with the keyboard, and keep what was written while another is looked at', async (t) => {
  const { page, faults } = await openPlayground(t, wordCounter());
  await page.getByLabel('Message').fill('a long question');
  await page.getByRole('tab', { name: 'Chat' }).press('ArrowRight');
  await page.getByLabel('Message').waitFor({ state: 'hidden' });
  await page.getByRole('tab', { name: 'Embeddings', selected: true }).waitFor();
  await page.getByLabel('Texts, one').fill('one');
  await page.getByRole('tab', { name: 'Embeddings' }).press('ArrowLeft');
  assert.equal(
    await page.getByRole('tabpanel', { name: 'Chat' }).getByLabel('Message').inputValue(),
    'a long question',
  );
  await page.getByRole('tab', { name: 'Chat' }).press('ArrowRight');
  assert.equal(await page.getByLabel('Texts, one').inputValue(), 'one');
  assert.deepEqual(faults, []);
});

test('a panel whose work no node does says what to start', async (t) => {
  const { page, faults } = await openPlayground(t);
  for (const name of ['Embeddings', 'Rerank', 'Image', 'Speech', 'Transcription']) {
    const panel = await openPanel(page, name);
    await panel.getByText('sparewatt models add').waitFor();
    await panel.getByRole('link', { name: 'Pair a node' }).waitFor();
    assert.equal(await panel.getByRole('button').count(), 0);
    await assertNoBarriers(page);
  }
  assert.deepEqual(faults, []);
});

test('what a model thought first stands above its answer, folded away once that begins', async (t) => {
  const said = Promise.withResolvers<void>();
  const runtime = createScriptedRuntime({
    'test/thinker': async (_job, output) => {
      output.text('A sum: 17 and 25.\nThat makes 42.', 9, { reasoning: true });
      await said.promise;
      output.text('42', 1);
      return 'stop' as const;
    },
  });
  const pool = await startTestPool(t);
  await pool.addNode({ name: 'attic', runtime });
  const { page, faults } = await openConsole(browser, pool, { hash: '#/playground' });
  afterTest(t, () => page.context().close());
  await page.getByRole('button', { name: 'Ask' }).click();
  const thought = page.getByText('That makes 42.');
  await thought.waitFor();
  await assertNoBarriers(page);
  said.resolve();
  await page.getByText('42', { exact: true }).waitFor();
  await thought.waitFor({ state: 'hidden' });
  await page.getByText('What the model thought first').click();
  await thought.waitFor();
  await page.locator('.facts-list').first().getByText('rcpt_').waitFor();
  assert.deepEqual(faults, []);
});
