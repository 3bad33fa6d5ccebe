import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { readOrCreateNodeKey } from '../../../main/headless/node-key.ts';
import { relayPinsIn } from '../../../main/headless/relay-pins.ts';
import { fileSecretBox } from '../../../main/headless/secret-box.ts';
import { noFileSentence, withEachNoFile } from '../../support/no-files.ts';
import { isProblem } from '../../support/problems.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const noFullDisk = !existsSync('/dev/full') && 'there is no disk that is always full';
const RELAY_KEY = 'NCBLDRJFJ54APAUIYDL5R6Z6BJ5XHG6K3B3TA3BHL2EOTQIRCK55GEFE';
const OTHER_KEY = `N${'A'.repeat(55)}`;

test('[I1] a node makes its key once, in a file that only its owner can read', async (t) => {
  const folder = join(temporaryFolder(t), 'node');
  const file = join(folder, 'node-key.json');
  const first = await readOrCreateNodeKey(fileSecretBox(file));
  assert.match(first.publicKey, /^U[A-Z2-7]{55}$/);
  assert.deepEqual(await readOrCreateNodeKey(fileSecretBox(file)), first);
  assert.deepEqual(readdirSync(folder), ['node-key.json']);
  if (process.platform === 'win32') return;
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.equal(statSync(folder).mode & 0o777, 0o700);
});

test('a key file that others could read is closed to them', { skip: process.platform === 'win32' }, async (t) => {
  const file = join(temporaryFolder(t), 'node-key.json');
  await readOrCreateNodeKey(fileSecretBox(file));
  chmodSync(file, 0o644);
  await readOrCreateNodeKey(fileSecretBox(file));
  assert.equal(statSync(file).mode & 0o777, 0o600);
});

test('a damaged key file is left as it is, and not repeated', async (t) => {
  const file = join(temporaryFolder(t), 'node-key.json');
  for (const text of ['', '{"seed":"SUSECRET"}', 'SUSECRET', '{}', 'null']) {
    writeFileSync(file, text);
    await assert.rejects(readOrCreateNodeKey(fileSecretBox(file)), (error: unknown) => {
      isProblem('data_folder_unusable', /node-key\.json.*Restore it/)(error);
      assert.doesNotMatch(String((error as Error).stack), /SUSECRET/);
      return true;
    });
    assert.equal(readFileSync(file, 'utf8'), text);
  }
});

test('a box says where it is, so that the agent can', (t) => {
  const folder = temporaryFolder(t);
  assert.match(fileSecretBox(join(folder, 'node-key.json')).where, /node-key\.json, which only its owner can read/);
});

test('[P9] known relays are kept by origin and outlive the process', async (t) => {
  const folder = temporaryFolder(t);
  const box = () => fileSecretBox(join(folder, 'relay-pins.json'));
  await relayPinsIn(box()).write('http://a', RELAY_KEY);
  await relayPinsIn(box()).write('http://b', OTHER_KEY);
  assert.equal(await relayPinsIn(box()).read('http://a'), RELAY_KEY);
  assert.equal(await relayPinsIn(box()).read('http://b'), OTHER_KEY);
  assert.equal(await relayPinsIn(box()).read('http://c'), undefined);
  assert.equal(await relayPinsIn(box()).read('constructor'), undefined);
  await relayPinsIn(box()).write('http://a', OTHER_KEY);
  assert.equal(await relayPinsIn(box()).read('http://a'), OTHER_KEY);
});

test('[P9] a damaged list of known relays trusts nobody', async (t) => {
  const file = join(temporaryFolder(t), 'relay-pins.json');
  for (const text of ['', '[]', '{"http://a":"nonsense"}', '{']) {
    writeFileSync(file, text);
    const pins = relayPinsIn(fileSecretBox(file));
    await assert.rejects(pins.read('http://a'), isProblem('data_folder_unusable', /relay-pins\.json/));
    await assert.rejects(pins.write('http://a', RELAY_KEY), isProblem('data_folder_unusable', /relay-pins\.json/));
  }
});

test('[I1] a key or a list of relays that was cut off at any byte is refused and left as it is', async (t) => {
  const folder = temporaryFolder(t);
  const [keyFile, pinsFile] = [join(folder, 'node-key.json'), join(folder, 'relay-pins.json')];
  await readOrCreateNodeKey(fileSecretBox(keyFile));
  await relayPinsIn(fileSecretBox(pinsFile)).write('http://a', RELAY_KEY);
  for (const [file, read] of [
    [keyFile, () => readOrCreateNodeKey(fileSecretBox(keyFile))],
    [pinsFile, () => relayPinsIn(fileSecretBox(pinsFile)).read('http://a')],
  ] as const) {
    const whole = readFileSync(file, 'utf8').trimEnd();
    for (let bytes = 0; bytes < whole.length; bytes++) {
      writeFileSync(file, whole.slice(0, bytes));
      await assert.rejects(read, isProblem('data_folder_unusable', /Restore it/), `${bytes} bytes of ${file}`);
      assert.equal(readFileSync(file, 'utf8'), whole.slice(0, bytes));
    }
  }
});

test('[I1] a key that an editor of Windows has saved is the same key', async (t) => {
  const file = join(temporaryFolder(t), 'node-key.json');
  const made = await readOrCreateNodeKey(fileSecretBox(file));
  writeFileSync(file, `\ufeff${readFileSync(file, 'utf8').replaceAll('\n', '\r\n')}`);
  assert.deepEqual(await readOrCreateNodeKey(fileSecretBox(file)), made);
});

test('[I1] a key whose place cannot be read is not made anew, and the reason says what to do', async (t) => {
  const folder = temporaryFolder(t);
  const [file, place] = [join(folder, 'node-key.json'), join(folder, 'unmounted', 'node-key.json')];
  if (process.platform !== 'win32') {
    symlinkSync(place, file);
    const sentence = /node-key\.json cannot be used: it is a link to what is not there\. Bring that back/;
    await assert.rejects(readOrCreateNodeKey(fileSecretBox(file)), isProblem('data_folder_unusable', sentence));
    assert.equal(readlinkSync(file), place);
  }
  const pinsFile = join(folder, 'relay-pins.json');
  const pins = relayPinsIn(fileSecretBox(pinsFile));
  const readers = {
    'relay-pins.json': () => pins.read('http://a'),
    'node-key.json': () => readOrCreateNodeKey(fileSecretBox(file)),
  };
  for (const [name, read] of Object.entries(readers)) {
    await withEachNoFile(join(folder, name), (kind) =>
      assert.rejects(read, isProblem('data_folder_unusable', noFileSentence(name, kind))),
    );
  }
});

test('[P9] a full disk that takes no list of known relays is named as that', { skip: noFullDisk }, async (t) => {
  const file = join(temporaryFolder(t), 'relay-pins.json');
  symlinkSync('/dev/full', `${file}.${process.pid}.new`);
  const written = relayPinsIn(fileSecretBox(file)).write('http://a', RELAY_KEY);
  await assert.rejects(
    written,
    isProblem('data_folder_unusable', /relay-pins\.json cannot be used: the disk is full\./),
  );
  assert.deepEqual(readdirSync(dirname(file)), [], 'nothing half-written is left');
});
