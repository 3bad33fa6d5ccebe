import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { openKeyBox } from '../../../main/headless/key-box.ts';
import type { Keychain } from '../../../main/headless/keychain.ts';
import { readOrCreateNodeKey } from '../../../main/headless/node-key.ts';
import { fileSecretBox } from '../../../main/headless/secret-box.ts';
import { isProblem } from '../../support/problems.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

function memoryKeychain(entries = new Map<string, string>()): Keychain & { entries: Map<string, string> } {
  return {
    entries,
    read: async (account) => entries.get(account) ?? null,
    write: async (account, secret) => void entries.set(account, secret),
    remove: async (account) => void entries.delete(account),
  };
}
const never = (): Promise<never> => new Promise(() => undefined);
const SILENT: Keychain = { read: never, write: never, remove: never };
const BROKEN: Keychain = { ...memoryKeychain(), write: () => Promise.reject(new Error('no such service')) };
const auto = (dataFolder: string, keychain: Keychain | undefined) =>
  openKeyBox({ dataFolder, keyStore: 'auto', keychain: async () => keychain, timeoutMs: 20 });

test('a new node keeps its key in a keychain that works, one for each data folder, and finds it again', async (t) => {
  const keychain = memoryKeychain();
  const folders = [temporaryFolder(t), temporaryFolder(t)];
  const keys = await Promise.all(folders.map(async (folder) => readOrCreateNodeKey(await auto(folder, keychain))));
  assert.notEqual(keys[0]?.publicKey, keys[1]?.publicKey);
  assert.deepEqual([...keychain.entries.keys()].toSorted(), folders.toSorted(), 'and leaves no probe behind');
  for (const [at, folder] of folders.entries()) {
    assert.deepEqual(readdirSync(folder), ['node-key.keychain']);
    const box = await auto(folder, keychain);
    assert.match(box.where, /keychain of the system/);
    assert.deepEqual(await readOrCreateNodeKey(box), keys[at]);
  }
  assert.ok(!readFileSync(join(folders[0] ?? '', 'node-key.keychain'), 'utf8').includes('seed'));
});

test('a node that has its key in a file keeps it there', async (t) => {
  const folder = temporaryFolder(t);
  const before = await readOrCreateNodeKey(fileSecretBox(join(folder, 'node-key.json')));
  const keychain = memoryKeychain();
  assert.deepEqual(await readOrCreateNodeKey(await auto(folder, keychain)), before);
  assert.equal(keychain.entries.size, 0);
});

for (const [what, keychain, why] of [
  ['there is none', undefined, /no keychain without a screen/],
  ['it does not work', BROKEN, /no such service/],
  ['it does not answer', SILENT, /did not answer within 20 ms/],
] as const) {
  test(`without a keychain the key goes into a file, which says so: ${what}`, async (t) => {
    const folder = temporaryFolder(t);
    const box = await auto(folder, keychain);
    assert.match(box.where, why);
    await readOrCreateNodeKey(box);
    assert.equal(existsSync(join(folder, 'node-key.json')), true);
    const only = { dataFolder: temporaryFolder(t), keyStore: 'keychain' as const, timeoutMs: 20 };
    await assert.rejects(
      openKeyBox({ ...only, keychain: async () => keychain }),
      isProblem('data_folder_unusable', why),
    );
  });
}

test('a file is used when that is wanted, whatever keychain there is', async (t) => {
  const keychain = memoryKeychain();
  const box = await openKeyBox({ dataFolder: temporaryFolder(t), keyStore: 'file', keychain: async () => keychain });
  await readOrCreateNodeKey(box);
  assert.match(box.where, /node-key\.json.*node\.key_store says so/);
  assert.equal(keychain.entries.size, 0);
});

test('a keychain that is locked later, or has lost the key, is not taken for a new node', async (t) => {
  const folder = temporaryFolder(t);
  const keychain = memoryKeychain();
  await readOrCreateNodeKey(await auto(folder, keychain));
  await assert.rejects(
    async () => readOrCreateNodeKey(await auto(folder, SILENT)),
    isProblem('data_folder_unusable', /Unlock/),
  );
  await assert.rejects(auto(folder, undefined), isProblem('data_folder_unusable', /no keychain here/));
  keychain.entries.clear();
  await assert.rejects(
    async () => readOrCreateNodeKey(await auto(folder, keychain)),
    isProblem('data_folder_unusable', /no such entry any more.*become a new node/),
  );
});

test('an entry that was written when the machine stopped is written again', async (t) => {
  const folder = temporaryFolder(t);
  const keychain = memoryKeychain(new Map([[folder, '{"seed":"half']]));
  const key = await readOrCreateNodeKey(await auto(folder, keychain));
  assert.deepEqual(await readOrCreateNodeKey(await auto(folder, keychain)), key);
});

const NEEDED = ['dbus-run-session', 'gnome-keyring-daemon'];
const missing = NEEDED.filter((program) => spawnSync('sh', ['-c', `command -v ${program}`]).status !== 0);
const needsSecretService = {
  skip: missing.length === 0 ? false : `${missing.join(' and ')} (Debian: dbus, gnome-keyring) are not installed`,
};

test('the key of a node goes into a real Secret Service and comes back', needsSecretService, async (t) => {
  const folder = temporaryFolder(t);
  const child = fileURLToPath(new URL('../../support/key-box-process.ts', import.meta.url));
  const script = join(folder, 'session.sh');
  writeFileSync(script, 'printf pw | gnome-keyring-daemon --unlock --components=secrets > /dev/null\nexec "$@"\n');
  const home = temporaryFolder(t);
  const env = { ...process.env, HOME: home, XDG_DATA_HOME: home, XDG_RUNTIME_DIR: temporaryFolder(t) };
  const args = ['--', 'sh', script, process.execPath, child, folder];
  const { stdout } = await promisify(execFile)('dbus-run-session', args, { env, timeout: 60_000 });
  const [made, found] = JSON.parse(stdout) as [{ where: string; publicKey: string }, { publicKey: string }];
  assert.match(made.where, /keychain of the system/);
  assert.equal(found.publicKey, made.publicKey);
  assert.deepEqual(readdirSync(folder).toSorted(), ['node-key.keychain', 'session.sh']);
});
