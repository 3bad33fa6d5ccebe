/** What the owner of a tab sees and does of its models, with a mirror that can be held up. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import type { ServiceAnswer } from '../../shared/api/services.ts';
import { afterTest } from '../support/after-test.ts';
import { QUICK_WASM_FLAG } from '../support/browsers/engine-page.ts';
import { joinWith, launchBrowser, seriousBarriers, visitJoin, waitForState } from '../support/browsers/join-page.ts';
import { Q8, writeLittleModel } from '../support/models/little-models.ts';
import { largeSpeech, writeToneListener } from '../support/models/task-models/audio-models.ts';
import { fileHeaders, type HubMirror, sendFile, startHubMirror } from '../support/network/hub-mirror.ts';
import { type MirrorFront, startMirrorFront } from '../support/network/mirror-front.ts';
import { makeCode } from '../support/pairing.ts';
import { type Pool, startPool } from '../support/pool.ts';
import { until } from '../support/until.ts';

const FIRST = 'acme/first';
const SECOND = 'acme/second';
const EARS = 'acme/ears-in-place-of-whisper';
const CHAT = 'sparewatt/demo-chat';

let folder: string;
let pool: Pool;
let hub: HubMirror;
let front: MirrorFront;
let browser: Browser;
before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sparewatt-tab-models-'));
  for (const model of [FIRST, SECOND]) writeLittleModel(folder, model);
  await writeToneListener(folder, EARS);
  pool = await startPool();
  hub = await startHubMirror(folder);
  front = await startMirrorFront(pool.relay.url, hub.url, folder);
  browser = await launchBrowser(QUICK_WASM_FLAG);
});
after(async () => {
  await browser?.close();
  await front?.close();
  await hub?.close();
  await pool?.close();
  rmSync(folder, { recursive: true, force: true });
});

async function visit(t: TestContext, prepare: (page: Page) => Promise<void> = async () => undefined): Promise<Page> {
  hub.heal();
  hub.requests.length = 0;
  const { page, faults } = await visitJoin(browser, front.url);
  afterTest(t, async () => {
    await page.context().close();
    await until(() => pool.relay.nodes().length === 0);
    assert.deepEqual(faults, []);
  });
  await prepare(page);
  await waitForState(page, 'Not contributing');
  await joinWith(page, (await makeCode(pool.relay)).code, 'Stocked tab');
  return page;
}

async function look(page: Page, model: string): Promise<void> {
  await page.getByLabel('Id of another model').fill(model);
  await page.getByRole('button', { name: 'Look up its size' }).click();
}

async function download(page: Page, model: string): Promise<void> {
  await look(page, model);
  await page.getByRole('button', { name: `Download ${model}` }).click();
}

const rowOf = (page: Page, model: string) => page.locator('.rows > .row', { hasText: model });
/** With a machine that is kept from its turn, and a relay that is asked again every five seconds. */
const MOST_MS = 60_000;
const isServed = (model: string) => until(() => pool.relay.models().includes(model), MOST_MS);

/** Of a download. */
const hasRead = (page: Page) =>
  until(() => page.evaluate<boolean>(`document.querySelector('.row progress')?.value > 500000`));

/** The weights come as far as this, and no further. */
function holdUp(): void {
  hub.interfere(Q8, (request, response: ServerResponse, body) => {
    if (request.headers.range !== undefined) return sendFile(request, response, body);
    response.writeHead(200, { ...fileHeaders(body), 'content-length': String(body.length) });
    response.write(body.subarray(0, Math.floor(body.length / 2)));
  });
}

test('a model says its size, its dtype with the reason and that it fits, is advertised as it came, and is removed', async (t) => {
  const page = await visit(t);
  await waitForState(page, 'Contributing');
  await look(page, 'acme/none');
  await page.getByText("The relay offers no model 'acme/none' to browsers.").waitFor();
  await look(page, FIRST);
  const offer = page.locator('.offer');
  await offer.getByText(/1\.6 MB of weights \(q8\); 1\.6 MB to download\./).waitFor();
  await offer.getByText('q8, since the processor does the work.').waitFor();
  await offer.getByText(/It fits: this browser gives the page .+ more\./).waitFor();
  assert.deepEqual(hub.requests, ['config.json'], 'nothing of it is downloaded before that');
  assert.deepEqual(await seriousBarriers(page), []);
  await page.getByRole('button', { name: `Download ${FIRST}` }).click();
  await isServed(FIRST);
  await rowOf(page, FIRST).getByText('q8, since the processor does the work.').waitFor();
  const view = (await (await pool.request('/v1/capabilities')).json()) as {
    served_models: { name: string; dtype?: string }[];
  };
  assert.deepEqual(
    view.served_models
      .filter(({ name }) => name.includes('/') && !name.startsWith('kernels'))
      .map(({ dtype }) => dtype),
    ['q8', 'q8', 'q8'],
  );
  await page.getByRole('button', { name: `Remove ${FIRST} from this browser` }).click();
  await until(() => !pool.relay.models().includes(FIRST));
  await rowOf(page, FIRST).waitFor({ state: 'detached' });
});

test('a download is paused, stays so over a reload, and goes on from where it stopped', async (t) => {
  const page = await visit(t);
  await waitForState(page, 'Contributing');
  holdUp();
  await download(page, FIRST);
  await rowOf(page, FIRST)
    .getByText(/ of 1\.\d MB/)
    .waitFor();
  await hasRead(page);
  await page.getByRole('button', { name: `Pause the download of ${FIRST}` }).click();
  await rowOf(page, FIRST).getByText('paused; what came is kept on the disk').waitFor();
  await page.reload();
  await rowOf(page, FIRST).getByText('paused; what came is kept on the disk').waitFor();
  await waitForState(page, 'Contributing');
  await page.getByRole('button', { name: `Resume the download of ${FIRST}` }).click();
  await isServed(FIRST);
  const from = Number(/bytes=(\d+)-/.exec(hub.requests.findLast((one) => one.startsWith(Q8)) ?? '')?.[1]);
  assert.ok(from > 500_000, `${from}`);
});

test('a download that is cancelled leaves nothing behind', async (t) => {
  const page = await visit(t);
  await waitForState(page, 'Contributing');
  holdUp();
  const bytesStored = () =>
    page.evaluate<number>(`caches.open('sparewatt-models').then(async (cache) => (await cache.keys())
      .map(({ url }) => new URL(url).searchParams)
      .reduce((sum, piece) => sum + Number(piece.get('to')) - Number(piece.get('from')), 0))`);
  const before = await bytesStored();
  await download(page, SECOND);
  await hasRead(page);
  await page.getByRole('button', { name: `Cancel the download of ${SECOND}` }).click();
  await rowOf(page, SECOND).waitFor({ state: 'detached' });
  await until(async () => (await bytesStored()) === before);
});

test('what was used least recently makes room within the limit of the owner, who is told before', async (t) => {
  const page = await visit(t);
  await waitForState(page, 'Contributing');
  await download(page, FIRST);
  await isServed(FIRST);
  await page.getByLabel('Most that models may take, in GB').fill('0,0045');
  await page.getByRole('button', { name: 'Set' }).click();
  await page.getByText(/of the 4\.5 MB that you allow/).waitFor();
  await look(page, SECOND);
  await page.locator('.offer').getByText(`is removed: ${FIRST}.`).waitFor();
  await page.getByRole('button', { name: `Download ${SECOND}` }).click();
  await isServed(SECOND);
  await until(() => !pool.relay.models().includes(FIRST));
  assert.ok(pool.relay.models().includes(CHAT), 'a model of every tab is not removed for another');
  await page.getByLabel('Most that models may take, in GB').fill('0.001');
  await page.getByRole('button', { name: 'Set' }).click();
  await page.getByText('Nothing is downloaded until they take less.').waitFor();
  await look(page, FIRST);
  await page
    .locator('.offer')
    .getByText(/do not fit into the 1\.0 MB that you allow/)
    .waitFor();
  assert.equal(await page.getByRole('button', { name: `Download ${FIRST}` }).count(), 0);
});

test('all that a tab has stored is removed at once, and waits for its owner to come again', async (t) => {
  const page = await visit(t);
  await waitForState(page, 'Contributing');
  await isServed(CHAT);
  await page.getByRole('button', { name: 'Remove what this tab stored…' }).click();
  assert.deepEqual(await seriousBarriers(page), []);
  await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click();
  await until(() => !pool.relay.models().includes(CHAT));
  await page.getByText('Models take 0 bytes in this browser.').waitFor();
  const entries = `caches.open('sparewatt-models').then((cache) => cache.keys()).then(({ length }) => length)`;
  assert.equal(await page.evaluate(entries), 0);
  await page.getByRole('button', { name: `Resume the download of ${CHAT}` }).click();
  await isServed(CHAT);
});

test('on a network that the browser calls dear nothing is fetched before the owner allows it', async (t) => {
  const asked: string[] = [];
  const page = await visit(t, async (of) => {
    of.on('request', (request) => asked.push(request.url()));
    await of.addInitScript("Object.defineProperty(navigator, 'connection', { value: { saveData: true } })");
    await of.reload();
  });
  await page.getByRole('button', { name: 'Download on this network' }).waitFor();
  await waitForState(page, 'Getting ready');
  assert.deepEqual(await seriousBarriers(page), []);
  assert.deepEqual(
    asked.filter((url) => url.endsWith('.onnx')),
    [],
  );
  assert.deepEqual(pool.relay.nodes(), []);
  await page.getByRole('button', { name: 'Download on this network' }).click();
  await waitForState(page, 'Contributing');
  await isServed(CHAT);
});

test('a line that breaks in mid-download is told, and the download goes on by itself when there is one again', async (t) => {
  const page = await visit(t);
  await waitForState(page, 'Contributing');
  let isLineUp = true;
  const lines: ServerResponse[] = [];
  hub.interfere(Q8, (request, response, body) => {
    lines.push(response);
    if (!isLineUp) return void response.destroy();
    if (request.headers.range !== undefined) return sendFile(request, response, body);
    response.writeHead(200, { ...fileHeaders(body), 'content-length': String(body.length) });
    response.write(body.subarray(0, 700_000));
  });
  await download(page, FIRST);
  await hasRead(page);
  isLineUp = false;
  for (const line of lines) line.destroy();
  await rowOf(page, FIRST)
    .getByText(/does not send its model\. What came is kept, and it is asked again\./)
    .waitFor();
  await page.getByLabel('Language').selectOption('fr');
  await rowOf(page, FIRST).getByText('Le relais n’envoie pas son modèle.').waitFor();
  assert.deepEqual(await seriousBarriers(page), []);
  isLineUp = true;
  await isServed(FIRST);
  assert.match(hub.requests.findLast((one) => one.startsWith(Q8)) ?? '', /bytes=/);
});

test('a tab fetches a recording that is too large for a message, and writes it down', async (t) => {
  const page = await visit(t);
  await download(page, EARS);
  await isServed(EARS);
  const recording = largeSpeech();
  assert.ok(recording.length > 7_000_000);
  const file = new File([recording], 'speech.wav');
  assert.equal((await pool.client().audio.transcriptions.create({ model: EARS, file })).text, 'HELLO BYE');
  const { id } = await pool.client().files.create({ file, purpose: 'user_data' });
  const body = { file_id: id, model: EARS };
  const { output } = await pool.client().post<ServiceAnswer>('/services/whisper/transcribe', { body });
  assert.equal(output.text, 'HELLO BYE');
  await page.getByRole('button', { name: `Remove ${EARS} from this browser` }).click();
  await until(() => !pool.relay.models().includes(EARS));
});
