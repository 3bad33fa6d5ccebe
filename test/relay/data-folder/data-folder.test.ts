import assert from 'node:assert/strict';
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type DataFolder, openDataFolder } from '../../../relay/data-folder/data-folder.ts';
import { toFolderError } from '../../../relay/data-folder/folder-problems.ts';
import { readHolder } from '../../../relay/data-folder/holder-file.ts';
import { readOrCreateKeys } from '../../../relay/data-folder/keys.ts';
import { readBusIdentity } from '../../../relay/fabric/bus/bus-identity.ts';
import { readRelayPublicKey } from '../../../relay/pairing/relay-identity.ts';
import { HEAD_FILE, readHeadFile } from '../../../relay/receipts/log/head-file.ts';
import { openDatabase } from '../../../relay/store/sqlite/database.ts';
import { pendingUpgradeOf } from '../../../relay/store/sqlite/pending-upgrade.ts';
import { Problem } from '../../../shared/problems/problem.ts';
import { afterTest } from '../../support/after-test.ts';
import { startChild, type TestChild } from '../../support/child.ts';
import { collectLog } from '../../support/log.ts';
import { noFileSentence, withEachNoFile } from '../../support/no-files.ts';
import { isProblem } from '../../support/problems.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const HOLDER = new URL('../../support/data-folder-holder.ts', import.meta.url);
const windows = process.platform === 'win32' && 'Windows has no file modes';

test('a data folder is created for its owner alone', { skip: windows }, (t) => {
  const folder = open(t, join(temporaryFolder(t), 'a', 'b'));
  assert.equal(statSync(folder.path).mode & 0o777, 0o700);
});

test('a second opener is told which process holds the folder', async (t) => {
  const path = temporaryFolder(t);
  const holder = await startHolder(t, path);
  assert.equal(await openIn(holder), 'held');
  assert.throws(() => openDataFolder(path, { log: collectLog() }), {
    code: 'data_folder_in_use',
    message: new RegExp(`^Process ${holder.pid} uses`),
  });
});

test('the same process cannot open a folder twice', (t) => {
  const folder = open(t, temporaryFolder(t));
  assert.throws(() => openDataFolder(folder.path, { log: collectLog() }), { code: 'data_folder_in_use' });
});

test('a full disk keeps nobody from a folder, nor its holder unheard of', {
  skip: process.platform !== 'linux',
}, (t) => {
  const path = temporaryFolder(t);
  // Nothing can be written there, as on a disk that is full.
  symlinkSync(join(path, 'nowhere', 'there'), join(path, 'relay.pid'));
  const folder = open(t, path);
  assert.throws(() => openDataFolder(path, { log: collectLog() }), {
    code: 'data_folder_in_use',
    message: /^Another process uses/,
  });
  folder.close();
  open(t, path);
});

test('a folder whose holder was killed is free at once', async (t) => {
  const path = temporaryFolder(t);
  const holder = await startHolder(t, path);
  assert.equal(await openIn(holder), 'held');
  await holder.kill();
  open(t, path);
});

test('a folder can be opened again after it was closed, and is left without litter', (t) => {
  const folder = open(t, temporaryFolder(t));
  folder.close();
  folder.close();
  assert.deepEqual(readdirSync(folder.path), ['relay.lock']);
  open(t, folder.path);
});

test('of several processes that start at the same time exactly one gets the folder', async (t) => {
  const path = temporaryFolder(t);
  const holders = await Promise.all(Array.from({ length: 4 }, () => startHolder(t, path)));
  const outcomes = await Promise.all(holders.map(openIn));
  assert.equal(outcomes.filter((outcome) => outcome === 'held').length, 1, String(outcomes));
  assert.equal(outcomes.filter((outcome) => String(outcome).startsWith('data_folder_in_use')).length, 3);
});

test('a path that is a file is refused with advice', (t) => {
  const path = join(temporaryFolder(t), 'file');
  writeFileSync(path, '');
  assert.throws(() => openDataFolder(path, { log: collectLog() }), {
    code: 'data_folder_unusable',
    message: /there is a file of that name.*--data/,
  });
  assert.throws(() => openDataFolder(join(path, 'below'), { log: collectLog() }), {
    code: 'data_folder_unusable',
    message: /a part of its path is a file/,
  });
});

test('a folder that may not be written is refused with advice', { skip: windows }, async (t) => {
  const path = join(temporaryFolder(t), 'read-only');
  mkdirSync(path);
  // As another user's that was in use: what is in it can be read, and locked like that.
  writeFileSync(join(path, 'relay.lock'), '', { mode: 0o644 });
  chmodSync(join(path, '..'), 0o755);
  chmodSync(path, 0o555);
  // Root may write everywhere, so the attempt is made as nobody.
  const holder = await startHolder(t, path, process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {});
  assert.match(String(await openIn(holder)), /^data_folder_unusable: .*the right to write/);
  chmodSync(path, 0o755);
});

test('a folder that others can enter is closed to them, with a warning', { skip: windows }, (t) => {
  const path = temporaryFolder(t);
  chmodSync(path, 0o755);
  const log = collectLog();
  const folder = openDataFolder(path, { log });
  afterTest(t, folder.close);
  assert.equal(statSync(path).mode & 0o777, 0o700);
  assert.deepEqual(log.lines, ['warn what holds secrets was open to other users; it is closed now']);
});

test('a folder of somebody else that cannot be closed to them is refused', {
  skip: windows || (process.getuid?.() !== 0 && 'Only root can give a folder away'),
}, async (t) => {
  const path = join(temporaryFolder(t), 'shared');
  chmodSync(join(path, '..'), 0o755);
  mkdirSync(path);
  chmodSync(path, 0o777);
  const holder = await startHolder(t, path, { uid: 65_534, gid: 65_534 });
  assert.match(String(await openIn(holder)), /^data_folder_unusable: .* is open to other users \(mode 777\)/);
  const folder = open(t, path);
  assert.equal(folder.path, path);
});

test('what the disk says becomes a problem that says what to do', () => {
  const full = Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
  const problem = toFolderError(full, '/data/keys.json');
  assert.ok(problem instanceof Problem);
  assert.equal(problem.code, 'data_folder_unusable');
  assert.equal(problem.message, '/data/keys.json cannot be used: the disk is full. Free some space (ENOSPC).');
  const fault = new TypeError('a bug');
  assert.equal(toFolderError(fault, '/data'), fault);
});

test('keys are made once, kept, and hidden from other users', (t) => {
  const folder = open(t, temporaryFolder(t));
  const keys = readOrCreateKeys(folder);
  assert.match(keys.apiKey, /^sk-sparewatt-[\w-]{43}$/);
  assert.match(keys.adminToken, /^sw-admin-[\w-]{43}$/);
  assert.deepEqual(readOrCreateKeys(folder), keys);
  if (process.platform !== 'win32') assert.equal(statSync(folder.file('keys.json')).mode & 0o777, 0o600);
  assert.deepEqual(readdirSync(folder.path).sort(), ['keys.json', 'relay.lock', 'relay.pid']);
});

test('a secret that others can read is closed to them, with a warning', { skip: windows }, (t) => {
  const log = collectLog();
  const folder = openDataFolder(temporaryFolder(t), { log });
  afterTest(t, folder.close);
  const keys = readOrCreateKeys(folder);
  chmodSync(folder.file('keys.json'), 0o644);
  assert.deepEqual(readOrCreateKeys(folder), keys);
  assert.equal(statSync(folder.file('keys.json')).mode & 0o777, 0o600);
  assert.deepEqual(log.lines, ['warn what holds secrets was open to other users; it is closed now']);
});

for (const [kind, text] of [
  ['empty', ''],
  ['cut short', '{"apiKey": "sk-spa'],
  ['of another shape', '{"apiKey": 7}'],
] as const) {
  test(`a secret file that is ${kind} is named, neither replaced nor quoted`, (t) => {
    const folder = open(t, temporaryFolder(t));
    writeFileSync(folder.file('keys.json'), text, { mode: 0o600 });
    assert.throws(
      () => readOrCreateKeys(folder),
      (error) => {
        assert.ok(error instanceof Problem);
        assert.equal(error.code, 'data_folder_unusable');
        assert.match(error.message, /keys\.json is damaged.*backup/);
        assert.doesNotMatch(error.message, /sk-spa/);
        return true;
      },
    );
    assert.equal(readFileSync(folder.file('keys.json'), 'utf8'), text);
  });
}

test('a secret file that was cut off at any byte is refused and left as it is', (t) => {
  const folder = open(t, temporaryFolder(t));
  readOrCreateKeys(folder);
  const file = folder.file('keys.json');
  const whole = readFileSync(file, 'utf8');
  for (let bytes = 0; bytes < whole.length; bytes++) {
    writeFileSync(file, whole.slice(0, bytes));
    assert.throws(() => readOrCreateKeys(folder), isProblem('data_folder_unusable', /is damaged/), `${bytes} bytes`);
    assert.equal(readFileSync(file, 'utf8'), whole.slice(0, bytes));
  }
});

test('a secret file that an editor of Windows has saved is read', (t) => {
  const folder = open(t, temporaryFolder(t));
  const keys = readOrCreateKeys(folder);
  const file = folder.file('keys.json');
  writeFileSync(file, `\ufeff${readFileSync(file, 'utf8').replaceAll('\n', '\r\n')}\r\n`);
  assert.deepEqual(readOrCreateKeys(folder), keys);
});

test('a link to secrets on a disk that is not there is no reason to make new ones', { skip: windows }, (t) => {
  const folder = open(t, temporaryFolder(t));
  const place = join(temporaryFolder(t), 'keys.json');
  symlinkSync(place, folder.file('keys.json'));
  const read = () => readOrCreateKeys(folder);
  assert.throws(read, isProblem('data_folder_unusable', /keys\.json .* link to what is not there\. Bring that back/));
  assert.equal(readlinkSync(folder.file('keys.json')), place);
  symlinkSync(place, folder.file(HEAD_FILE));
  assert.throws(() => readHeadFile(folder.file(HEAD_FILE)), isProblem('data_folder_unusable', /link to what is not/));
});

test('what is no file in the place of one ends the start, and is named with what to do', async (t) => {
  const path = temporaryFolder(t);
  for (const name of ['relay.lock', 'relay.pid']) {
    await withEachNoFile(join(path, name), (kind) => {
      assert.equal(readHolder(join(path, name)), undefined, 'who only looks goes on');
      assert.throws(() => open(t, path), isProblem('data_folder_unusable', noFileSentence(name, kind)));
    });
  }
  const folder = open(t, path);
  const readers = {
    'keys.json': () => readOrCreateKeys(folder),
    [HEAD_FILE]: () => readHeadFile(folder.file(HEAD_FILE)),
  };
  for (const [name, read] of Object.entries(readers)) {
    await withEachNoFile(folder.file(name), (kind) =>
      assert.throws(read, isProblem('data_folder_unusable', noFileSentence(name, kind))),
    );
  }
  const file = folder.file('sparewatt.sqlite');
  await withEachNoFile(file, (kind) => {
    for (const readOnly of [false, true]) {
      const sentence = noFileSentence('sparewatt.sqlite', kind);
      assert.throws(() => openDatabase({ file, readOnly }), isProblem('data_folder_unusable', sentence));
    }
    assert.equal(pendingUpgradeOf(file), undefined);
  });
});

test('what is no file in the place of a relay’s keys holds up no command that asks for them', async (t) => {
  const path = temporaryFolder(t);
  await withEachNoFile(join(path, 'bus-identity.json'), () =>
    assert.rejects(
      readBusIdentity(path),
      isProblem('data_folder_unusable', /bus-identity\.json\. Start the relay once/),
    ),
  );
  await withEachNoFile(join(path, 'relay-identity.json'), () =>
    assert.throws(() => readRelayPublicKey(path), isProblem('data_folder_unusable', /holds no key of a relay/)),
  );
});

test('a lock file that something else has written into is refused with what to do', (t) => {
  const path = temporaryFolder(t);
  writeFileSync(join(path, 'relay.lock'), 'no lock of ours');
  assert.throws(() => open(t, path), isProblem('data_folder_unusable', /relay\.lock cannot be locked .*\. Remove it/));
});

test('a draft that a crash left behind does not hinder the next write', (t) => {
  const folder = open(t, temporaryFolder(t));
  writeFileSync(folder.file('keys.json.tmp'), '{"half":');
  assert.match(readOrCreateKeys(folder).apiKey, /^sk-sparewatt-/);
});

function open(t: TestContext, path: string): DataFolder {
  const folder = openDataFolder(path, { log: collectLog() });
  afterTest(t, folder.close);
  return folder;
}

async function startHolder(t: TestContext, path: string, user: { uid?: number; gid?: number } = {}) {
  const holder = startChild(t, HOLDER, [path], user);
  assert.equal(await holder.next(), 'waiting');
  return holder;
}

function openIn(holder: TestChild): Promise<unknown> {
  holder.process.send('open');
  return holder.next();
}
