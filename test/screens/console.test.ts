/** How the relay's console looks: `npm run screens -- console` takes the pictures anew. */
import { test } from 'node:test';
import type { Page } from 'playwright-core';
import type { Cluster } from '../../shared/api/cluster.ts';
import type { JobPage } from '../../shared/api/jobs.ts';
import { encodeWav } from '../../shared/runtimes/media/wav.ts';
import { afterTest } from '../support/after-test.ts';
import { chatLine, endOfBatch, makeBatch } from '../support/batches.ts';
import { alterAnswers } from '../support/browsers/altered-answers.ts';
import { addNodes, goTo, signInTo, visitConsole } from '../support/browsers/console-page.ts';
import { launchBrowser } from '../support/browsers/join-page.ts';
import { pretendedModel } from '../support/models/pretended-model.ts';
import { type Pool, startTestPool } from '../support/pool.ts';
import { askAsAdmin } from '../support/pool-admin.ts';
import { createControlledRuntime } from '../support/runtimes/controlled-runtime.ts';
import { openCamera } from '../support/screens/camera.ts';
import { until } from '../support/until.ts';

const SIZES = { wide: { width: 1_280, height: 860 }, narrow: { width: 390, height: 844 } };
/** Drawings of live numbers, a secret that is random, and so is its picture. */
const MASK = ['canvas', '.secret code', '.secret pre', '.qr'];
const NODES = 12;
const STUCK_JOBS = 7;

test('the console looks as it did', async (t) => {
  const pool = await startTestPool(t);
  const browser = await launchBrowser();
  afterTest(t, () => browser.close());
  const { page } = await visitConsole(browser, pool, { viewport: SIZES.wide });
  await page.getByLabel('Admin token').waitFor();
  const camera = await openCamera(t, page, { room: 'console', sizes: SIZES, isLive: true, fullPage: true, mask: MASK });
  if (camera === undefined) return;
  await camera.shoot(page, 'sign-in');
  await signInTo(page, pool.relay.adminToken);
  await page.getByText('Live', { exact: true }).waitFor();
  await page.getByText('No node has joined yet.').waitFor();
  await camera.shoot(page, 'overview-empty');
  const { job, leave } = await fill(pool);
  await page.reload();
  await page.getByText('Live', { exact: true }).waitFor();
  await page.locator('canvas').first().waitFor();
  await page
    .getByText(new RegExp(`/ ${NODES}$`))
    .first()
    .waitFor();
  // The job that failed and the request that was refused with it are told a moment later.
  await page.getByText('node_fault').nth(1).waitFor();
  await camera.shoot(page, 'overview');
  for (const [name, open] of viewsOf(page, job)) {
    await open();
    await page.waitForLoadState('networkidle');
    await camera.shoot(page, name);
  }
  await goTo(page, '#/nodes');
  await page.emulateMedia({ forcedColors: 'active' });
  await camera.shootAsItIs(page, 'forced-colors');
  await page.emulateMedia({ forcedColors: 'none' });
  await inFrench(page, (name) => camera.shootAsItIs(page, name));
  // Last, since every list and number tells it.
  await leave();
  await goTo(page, '#/nodes');
  await page.getByRole('link', { name: 'attic-002' }).click();
  await page.getByRole('button', { name: 'Forget…' }).waitFor();
  await page.waitForLoadState('networkidle');
  await camera.shoot(page, 'node-away');
  // After all that counts jobs.
  await fillBatches(pool);
  await goTo(page, '#/jobs');
  await page.getByRole('region', { name: 'Batches' }).first().waitFor();
  await page.waitForLoadState('networkidle');
  await camera.shoot(page, 'batches');
  await writeDown(pool, page);
  await camera.shoot(page, 'playground-transcription');
  camera.develop();
});

/** One that is through but for a line, and one of a file that is none. */
async function fillBatches(pool: Pool): Promise<void> {
  const client = pool.client();
  for (const lines of [[chatLine('a'), chatLine('b', 'x', { model: 'test/none' })], ['{']]) {
    await endOfBatch(client, (await makeBatch(client, lines)).id);
  }
}

/** Each view with the way to it. */
function viewsOf(page: Page, job: string): [name: string, open: () => Promise<unknown>][] {
  const rowsOf = async (view: string): Promise<void> => {
    await goTo(page, `#/${view}`);
    await page.locator('tbody tr').first().waitFor();
  };
  return [
    ['nodes', () => rowsOf('nodes')],
    ['nodes-cards', () => showCards(page)],
    [
      'node',
      async () => {
        await page.unroute('**/v1/cluster');
        await page.getByLabel('Shown as').selectOption('table');
        await page.getByRole('link', { name: 'attic-001' }).click();
        await page.getByText('Why it gets no jobs').waitFor();
      },
    ],
    ['jobs', () => rowsOf('jobs')],
    [
      'job-waiting',
      async () => {
        await page.locator('tr', { hasText: 'Queued' }).getByRole('link').first().click();
        await page.getByText('Why it waits').waitFor();
      },
    ],
    [
      'job',
      async () => {
        await goTo(page, `#/jobs/${job}`);
        await page.getByText('Succeeded').first().waitFor();
      },
    ],
    [
      'key-made',
      async () => {
        await rowsOf('keys');
        await page.getByLabel('Name', { exact: true }).fill('the bot of the forum');
        await page.getByLabel('What it is for').fill('answers in the help section; ask Jo when it is slow');
        await page.getByRole('button', { name: 'Make key' }).click();
        await page.getByText('Copy it now.').waitFor();
      },
    ],
    [
      'pairing',
      async () => {
        await goTo(page, '#/pairing');
        await page.getByRole('button', { name: 'Make a code' }).click();
        await page.locator('.qr').waitFor();
      },
    ],
    [
      'playground',
      async () => {
        await goTo(page, '#/playground');
        // In one piece, however slow the machine: of such an answer no speed is shown.
        await alterAnswers(page, '**/v1/chat/completions', () => ({}));
        await page.getByLabel('Model', { exact: true }).selectOption('test/echo');
        await page.getByRole('button', { name: 'Ask' }).click();
        await page.locator('.answer a').nth(1).waitFor();
      },
    ],
    [
      'receipt',
      async () => {
        await goTo(page, `#/receipts/${job}`);
        await page.getByText('Place in the log holds').waitFor();
      },
    ],
  ];
}

/** Pages with long words, as they are in French; that they stay within a telephone is tested elsewhere. */
async function inFrench(page: Page, shoot: (name: string) => Promise<void>): Promise<void> {
  await page.getByLabel('Language').selectOption('fr');
  for (const name of ['overview', 'nodes', 'keys']) {
    await goTo(page, `#/${name}`);
    await page.locator('.content .card, .content table').first().waitFor();
    await page.waitForLoadState('networkidle');
    await shoot(`${name}-french`);
  }
  await page.getByLabel('Langue').selectOption('en');
}

/** With speeds and failures that are the same each time: which node gets which job is the scheduler's affair. */
async function showCards(page: Page): Promise<void> {
  await alterAnswers(page, '**/v1/cluster', async (response) => {
    const cluster = (await response.json()) as Cluster;
    for (const [place, node] of cluster.nodes.entries()) {
      node.gpu = place % 3 === 0 ? null : (['GeForce RTX 4090', 'Radeon RX 7900 XTX'][place % 2] ?? null);
      node.tokens_per_s = place === 2 ? {} : { 'test/echo': place === 8 ? 10 : 50 };
      node.attempts = { succeeded: place === 2 ? 0 : 20, failed: place === 5 ? 7 : 0 };
    }
    return { json: cluster };
  });
  await page.getByLabel('Shown as').selectOption('cards');
  await page.getByText('Slow', { exact: true }).waitFor();
}

/** A recording in the playground, of which a node of its own tells what it has heard. */
async function writeDown(pool: Pool, page: Page): Promise<void> {
  const runtime = createControlledRuntime([pretendedModel('test/ears', 'stt')]);
  await pool.addNode({ name: 'ears', runtime });
  await goTo(page, '#/playground');
  await page.getByRole('tab', { name: 'Transcription' }).click();
  const buffer = Buffer.from(encodeWav({ samples: new Float32Array(64_000), rateHz: 16_000 }));
  await page
    .getByLabel('Recording: wav')
    .setInputFiles({ name: 'minutes of the meeting.wav', mimeType: 'audio/wav', buffer });
  await page.getByRole('button', { name: 'Ask' }).click();
  const heard = ['We have two spare cards.', 'The one in the attic is the faster.'];
  const segments = heard.map((text, place) => ({ text, start_s: 2 * place, end_s: 2 * place + 1.5 }));
  (await runtime.runs.next()).finish({ output: { text: heard.join(' '), duration_s: 4, segments } });
  await page.locator('.answer a').nth(1).waitFor();
  // How long it is, the browser finds out by itself.
  await page.waitForFunction("document.querySelector('audio').readyState >= 1");
}

/** Some nodes, and some work that was done, failed and waits. Gives the id of a job with an attempt, and how a node goes. */
async function fill(pool: Pool): Promise<{ job: string; leave: () => Promise<void> }> {
  const nodes = await addNodes(pool, NODES, 'attic');
  const [first] = nodes;
  const id = encodeURIComponent(first?.nodeId ?? '');
  await askAsAdmin(pool, `/v1/admin/nodes/${id}/cordon`, { reason: 'a new graphics card' });
  await askAsAdmin(pool, `/v1/admin/nodes/${id}/labels`, { labels: { room: 'attic', gpu: 'rtx-4090' } });
  const messages = [{ role: 'user' as const, content: 'one two three four five' }];
  const client = pool.client();
  for (let i = 0; i < 6; i++) await client.chat.completions.create({ model: 'test/echo', messages });
  await client.chat.completions.create({ model: 'test/failing', messages }).catch(() => undefined);
  for (const { nodeId } of nodes.slice(-STUCK_JOBS)) {
    const call = { model: 'test/stuck', messages, routing: { only: [nodeId] } };
    void client.chat.completions.create(call).catch(() => undefined);
  }
  const running = async () => (await askAsAdmin<JobPage>(pool, '/v1/jobs?state=running')).body.data.length;
  // Before the others, so that the list has the same order in every picture.
  await until(async () => (await running()) === STUCK_JOBS);
  const input = { messages };
  const { id: job } = await post<{ id: string }>(pool, { service: 'llm/inference', model: 'test/echo', input });
  const require = { labels: { room: 'cellar' } };
  await post(pool, { service: 'llm/inference', model: 'test/noop', input, routing: { require } });
  const stateOf = async () => ((await (await pool.request(`/v1/jobs/${job}`)).json()) as { state: string }).state;
  await until(async () => (await stateOf()) === 'succeeded');
  return { job, leave: async () => nodes[1]?.agent.close() };
}

async function post<Answer>(pool: Pool, body: object): Promise<Answer> {
  const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
  return (await (await pool.request('/v1/jobs', init)).json()) as Answer;
}
