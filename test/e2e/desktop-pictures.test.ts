/** A machine without a GPU sees pictures: its page unpacks and reads them on the processor, in a real Chromium. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { openPageModels } from '../../main/node/page-models.ts';
import {
  type BuiltApp,
  buildApp,
  LOAD_WITHIN_MS,
  startComputingDesktop,
} from '../support/desktop/computing-desktop.ts';
import { SETTLED } from '../support/desktop/desktop.ts';
import { offers } from '../support/desktop/paired-desktop.ts';
import { writePictureChat } from '../support/models/task-models/picture-chat-model.ts';
import { makeCode } from '../support/pairing.ts';
import { BLUE, GREEN, paint, pictureFile, RED } from '../support/pictures.ts';
import { type Pool, startPool } from '../support/pool.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { until } from '../support/until.ts';

const SEES = 'test/sees';

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

test('a picture is seen without a GPU, in the sandboxed page and not in a process', async (t) => {
  const models = temporaryFolder(t);
  await writePictureChat(models, SEES);
  const { desktop, renderer } = await startComputingDesktop(t, built, {
    stored: SETTLED,
    allowSoftwareGpu: false,
    folders: { ...built.folders, models },
    openModels: (cacheFolder, log) => openPageModels({ models: [SEES], shippedFolder: models, cacheFolder, log }),
  });
  await until(() => desktop.app.state().gpu !== null, LOAD_WITHIN_MS);
  assert.equal(desktop.app.state().gpu?.usable, false);
  desktop.hands.choose('open');
  await until(() => desktop.hands.windows.length === 2 && desktop.ui().isShown, LOAD_WITHIN_MS);
  await desktop.ask('pair', { invitation: (await makeCode(pool.relay)).code, relayUrl: pool.relay.url });
  await offers(pool, [SEES]);
  const document = await desktop.ask('getCapabilities');
  assert.equal(document?.capabilities.vision, true, 'the relay hears that it sees');
  const pixels = paint(8, 8, (x, y) => (y < 4 ? (x < 4 ? RED : GREEN) : x < 4 ? BLUE : RED));
  for (const form of ['png', 'webp'] as const) {
    const url = `data:image/${form};base64,${await pictureFile(pixels, form)}`;
    const { choices } = await pool.client().chat.completions.create({
      model: SEES,
      messages: [
        {
          role: 'user',
          content: [
            { type: 'text', text: 'What is this?' },
            { type: 'image_url', image_url: { url } },
          ],
        },
      ],
    });
    assert.equal(choices[0]?.message.content, ' red green blue red', form);
  }
  const [job] = await desktop.ask('listJobs', { before: null, limit: 1 });
  assert.equal(job?.outcome, 'done');
  assert.equal((await desktop.ask('listModels'))[0]?.device, 'wasm');
  assert.deepEqual(desktop.hands.utilities, []);
  assert.deepEqual(
    renderer.faults.filter((fault) => !/404|ERR_/.test(fault)),
    [],
  );
});
