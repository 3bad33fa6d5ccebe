/** The app takes models of any task: they are added in its window, and its sandboxed page runs them, in a real Chromium. */
import assert from 'node:assert/strict';
import { after, before, type TestContext, test } from 'node:test';
import { createModelInstaller } from '../../main/node/page-models.ts';
import type { CapabilityAnswer } from '../../shared/api/capabilities.ts';
import type { ServiceAnswer } from '../../shared/api/services.ts';
import { encodeWav } from '../../shared/runtimes/media/wav.ts';
import { assertClose, softmax } from '../support/close-to.ts';
import {
  type BuiltApp,
  buildApp,
  CHAT,
  LOAD_WITHIN_MS,
  quickWasm,
  startComputingDesktop,
} from '../support/desktop/computing-desktop.ts';
import { SETTLED } from '../support/desktop/desktop.ts';
import { offers } from '../support/desktop/paired-desktop.ts';
import { largeSpeech, RATE_HZ, toneSpeech, writeToneListener } from '../support/models/task-models/audio-models.ts';
import { writeMaskFiller, writeTextClassifier } from '../support/models/task-models/text-models.ts';
import { writeColourClassifier } from '../support/models/task-models/vision-models.ts';
import { type HubMirror, startHubMirror } from '../support/network/hub-mirror.ts';
import { makeCode } from '../support/pairing.ts';
import { BLUE, paint, pictureFile } from '../support/pictures.ts';
import { type Pool, startPool } from '../support/pool.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { until } from '../support/until.ts';

const [EARS, COLOURS, MOODS, GAPS] = [
  'test/ears-in-place-of-whisper',
  'test/colours',
  'test/moods',
  'test/gaps',
] as const;
const ADDED = [EARS, COLOURS, MOODS, GAPS];

let pool: Pool;
let built: BuiltApp;
before(async () => {
  pool = await startPool();
  built = await buildApp();
});
after(async () => {
  await pool?.close();
  await built?.remove();
});

async function startHub(t: TestContext): Promise<HubMirror> {
  const folder = temporaryFolder(t);
  await writeToneListener(folder, EARS);
  await writeColourClassifier(folder, COLOURS);
  await writeTextClassifier(folder, MOODS, ['happy', 'sad'], { good: [2, 0], bad: [0, 2] });
  await writeMaskFiller(folder, GAPS, ['tea', 'milk'], { drink: [3, 1] });
  const hub = await startHubMirror(folder);
  t.after(() => hub.close());
  return hub;
}

for (const gpu of ['none', 'simulated'] as const) {
  test(`models of speech, pictures and texts are added and asked (GPU: ${gpu})`, async (t) => {
    const hub = await startHub(t);
    const { desktop, renderer } = await startComputingDesktop(t, built, {
      before: quickWasm,
      stored: SETTLED,
      allowSoftwareGpu: gpu === 'simulated',
      modelInstaller: ({ relay: _, ...place }) =>
        createModelInstaller({ ...place, shippedFolder: '/nonexistent', hubUrl: hub.url, allowedSources: ['hub'] }),
    });
    await until(() => desktop.app.state().gpu !== null, LOAD_WITHIN_MS);
    desktop.hands.choose('open');
    await until(() => desktop.hands.windows.length === 2 && desktop.ui().isShown, LOAD_WITHIN_MS);
    for (const model of ADDED) await desktop.ask('addModel', { model: model === GAPS ? `${GAPS}#fill-mask` : model });
    await until(() => desktop.app.state().downloads.length === 0);
    await desktop.ask('pair', { invitation: (await makeCode(pool.relay)).code, relayUrl: pool.relay.url });
    await offers(pool, [CHAT, ...ADDED]);

    const recording = encodeWav({ samples: toneSpeech('HELLO'), rateHz: RATE_HZ });
    const file = new File([recording as Uint8Array<ArrayBuffer>], 'hello.wav');
    const { text } = await pool.client().audio.transcriptions.create({ model: EARS, file });
    assert.equal(text, 'HELLO');
    // More than a message of the bus takes, so that the app fetches it.
    const longFile = new File([largeSpeech()], 'bye.wav');
    assert.equal((await pool.client().audio.transcriptions.create({ model: EARS, file: longFile })).text, 'HELLO BYE');
    const { id } = await pool.client().files.create({ file: longFile, purpose: 'user_data' });
    const { output } = await pool
      .client()
      .post<ServiceAnswer>('/services/whisper/transcribe', { body: { file_id: id, model: EARS } });
    assert.equal(output.text, 'HELLO BYE');
    const answerOf = async (body: object) =>
      (await pool.client().post<CapabilityAnswer>('/capability/task', { body })).result;
    const ask = async (body: object) => (await answerOf(body)).labels;
    const [happy = 0, sad = 0] = softmax([2, 0]);
    const moods = [
      { label: 'happy', score: happy },
      { label: 'sad', score: sad },
    ];
    assertClose(await ask({ model: MOODS, task: 'text-classification', text: 'good' }), moods, 1e-3);
    const { fills } = await answerOf({ model: GAPS, task: 'fill-mask', text: 'drink [MASK]', top: 1 });
    // Every other token of the vocabulary has a score of 0: five special ones and the word of the table.
    const [score = 0] = softmax([3, 1, ...new Array<number>(6).fill(0)]);
    assertClose(fills, [{ word: 'tea', text: 'drink tea', score }], 1e-3);
    const image = await pictureFile(
      paint(8, 8, () => BLUE),
      'webp',
    );
    const [colour] = (await ask({ model: COLOURS, task: 'image-classification', image })) as { label: string }[];
    assert.equal(colour?.label, 'blue');

    const devices = (await desktop.ask('listModels')).filter(({ name }) => name !== CHAT).map(({ device }) => device);
    assert.deepEqual(new Set(devices), new Set([gpu === 'none' ? 'wasm' : 'webgpu']));
    const page = renderer.page(desktop.ui());
    await page.locator('.nav a[href="#/models"]').click();
    for (const task of ['automatic-speech-recognition', 'image-classification', 'text-classification', 'fill-mask']) {
      await page.locator('.row .hint', { hasText: task }).waitFor();
    }
    assert.deepEqual(desktop.hands.utilities, [], 'what strangers send is unpacked in the page alone');
    assert.deepEqual(
      renderer.faults.filter((fault) => !/404|ERR_/.test(fault)),
      [],
    );
  });
}

test('a model of pictures is measured on the GPU and on the processor of the page, and the window shows the figures', async (t) => {
  const hub = await startHub(t);
  const { desktop, renderer } = await startComputingDesktop(t, built, {
    before: quickWasm,
    stored: SETTLED,
    measuresDevices: true,
    openModels: async () => [],
    modelInstaller: ({ relay: _, ...place }) =>
      createModelInstaller({ ...place, shippedFolder: '/nonexistent', hubUrl: hub.url, allowedSources: ['hub'] }),
  });
  await until(() => desktop.app.state().gpu !== null, LOAD_WITHIN_MS);
  desktop.hands.choose('open');
  await until(() => desktop.hands.windows.length === 2 && desktop.ui().isShown, LOAD_WITHIN_MS);
  await desktop.ask('addModel', { model: COLOURS });
  await until(() => desktop.app.state().downloads.length === 0);
  await desktop.ask('pair', { invitation: (await makeCode(pool.relay)).code, relayUrl: pool.relay.url });
  await offers(pool, [COLOURS]);
  await until(async () => {
    await desktop.tick();
    return (await desktop.ask('listModels'))[0]?.trials !== undefined;
  }, 2 * LOAD_WITHIN_MS);
  const [model] = await desktop.ask('listModels');
  const trials = model?.trials ?? [];
  assert.deepEqual(
    trials.map(({ device, per_second }) => [device, (per_second ?? 0) > 0]),
    [
      ['webgpu', true],
      ['wasm', true],
    ],
    JSON.stringify(trials),
  );
  assert.equal(model?.device, trials.find(({ verdict }) => verdict === 'chosen')?.device);
  const page = renderer.page(desktop.ui());
  await page.locator('.nav a[href="#/models"]').click();
  await page.locator('.row .hint', { hasText: /GPU [\d.,]+ answers\/s, processor [\d.,]+ answers\/s/ }).waitFor();
  assert.deepEqual(desktop.hands.utilities, [], 'what strangers send is unpacked in the page alone');
});
