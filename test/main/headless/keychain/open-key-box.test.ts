import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { KeychainFault } from '../../../../main/headless/keychain/keychain.ts';
import type { KeyBoxOptions } from '../../../../main/headless/keychain/open-key-box.ts';
import { systemKeychain } from '../../../../main/headless/keychain/system-keychain.ts';
import { openNodeKey } from '../../../../main/headless/node-key.ts';
import { limitsThatRunOut, memoryKeychain, noLimit } from '../../../support/desktop/memory-keychain.ts';
import { collectLog } from '../../../support/log.ts';
import { isProblem } from '../../../support/problems.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';

/** A node's folder, its keychain, and a way to start the node in it. */
function setUp(t: TestContext) {
  const folder = temporaryFolder(t);
  const keychain = memoryKeychain();
  const log = collectLog();
  let ids = 0;
  const start = (more: Partial<KeyBoxOptions> = {}) => {
    const randomId = () => `id-${++ids}`;
    return openNodeKey({ folder, keyStore: 'auto', keychain, limit: noLimit, randomId, ...more }, log);
  };
  const file = join(folder, 'node-key.json');
  return { folder, file, keychain, log, start, text: () => readFileSync(file, 'utf8') };
}

test('[I1] a new node keeps its key in a keychain that works, and only a note of it in its folder', async (t) => {
  const { folder, file, keychain, log, start, text } = setUp(t);
  const first = await start();
  assert.deepEqual([...keychain.entries.keys()], [`${folder} id-2`], 'one entry, and none of the trial');
  const [secret = ''] = keychain.entries.values();
  assert.equal((JSON.parse(secret) as { seed: string }).seed, new TextDecoder().decode(first.seed));
  assert.deepEqual(JSON.parse(text()), { keychain: { service: 'sparewatt', account: `${folder} id-2` } });
  assert.deepEqual(readdirSync(folder), ['node-key.json']);
  assert.deepEqual(await start(), first);
  assert.match(log.lines[0] ?? '', /lies in the keychain in memory, service sparewatt.*: it was tried and works$/);
  assert.match(log.lines[1] ?? '', /lies in the keychain in memory.*: node-key\.json says so$/);
  assert.ok(existsSync(file));
});

test('a node whose folder has a key file goes on with it and asks no keychain', async (t) => {
  const { keychain, log, start, text } = setUp(t);
  const first = await start({ keyStore: 'file' });
  const before = text();
  assert.deepEqual(await start(), first);
  assert.equal(text(), before);
  assert.deepEqual(keychain.calls, []);
  assert.match(log.lines[0] ?? '', /lies in the file .*node-key\.json, .*: key_store says so$/);
  assert.match(log.lines[1] ?? '', /lies in the file .*: it was made there$/);
});

for (const [fault, reason] of [
  ['refuses', /the keychain in memory cannot be used: it is locked$/],
  ['forgets', /it does not give back what was written to it$/],
  ['keeps what is removed', /it does not remove what it is told to$/],
] as const) {
  test(`a new node takes the file and says why when the keychain ${fault}`, async (t) => {
    const { keychain, log, start } = setUp(t);
    keychain.fault = fault;
    const first = await start();
    assert.match(log.lines[0] ?? '', /lies in the file /);
    assert.match(log.lines[0] ?? '', reason);
    keychain.fault = undefined;
    assert.deepEqual(await start(), first, 'and goes on with it when the keychain is well');
  });
}

test('what a keychain says in the words of its library stands beside the sentence, not in it', {
  skip: process.platform === 'linux' ? false : 'the keychain of another system is there',
}, async (t) => {
  const { folder } = setUp(t);
  const written: [Record<string, unknown>, string][] = [];
  const log = { ...collectLog(), info: (...line: [Record<string, unknown>, string]) => void written.push(line) };
  const env = { ...process.env, DBUS_SESSION_BUS_ADDRESS: 'unix:path=/nonexistent/bus' };
  const keychain = systemKeychain(env);
  const limit = () => new AbortController().signal;
  await openNodeKey({ folder, keyStore: 'auto', keychain, limit, randomId: () => 'id' }, log);
  const [[fields, line] = [{}, '']] = written;
  assert.match(line, /cannot be used: it is not there or does not let the node in$/);
  assert.doesNotMatch(line, /DBus/);
  assert.match(String(fields.cause), /DBus/);
});

test('a problem of a keychain says it in a sentence, and what the library said is its cause', async (t) => {
  const { keychain, start } = setUp(t);
  await start();
  keychain.read = () => Promise.reject(new KeychainFault('DBus error: no such object'));
  const isTold = (error: unknown): true => {
    isProblem('keychain_unavailable', /: it is not there or does not let the node in\. Unlock it/)(error);
    assert.doesNotMatch((error as Error).message, /DBus/);
    assert.match(String((error as Error).cause), /DBus error/);
    return true;
  };
  for (const keyStore of ['auto', 'file'] as const) await assert.rejects(start({ keyStore }), isTold);
  const { keychain: other, start: startNew } = setUp(t);
  other.write = () => Promise.reject(new KeychainFault('DBus error: no such object'));
  await assert.rejects(startNew({ keyStore: 'keychain' }), isTold);
});

test('a new node does not wait for a keychain that never answers', async (t) => {
  const { keychain, log, start } = setUp(t);
  keychain.fault = 'never answers';
  const { limit, asked } = limitsThatRunOut();
  await start({ limit });
  assert.deepEqual(asked, [5_000]);
  assert.match(log.lines[0] ?? '', /lies in the file .*it has not answered within 5 seconds/);
});

for (const fault of ['refuses', 'never answers'] as const) {
  test(`a keychain that ${fault} later ends the start, says what to do, and nothing is made anew`, async (t) => {
    const { keychain, start, text } = setUp(t);
    const first = await start();
    const before = text();
    keychain.fault = fault;
    const { limit, asked } = limitsThatRunOut();
    for (const keyStore of ['auto', 'keychain', 'file'] as const) {
      await assert.rejects(
        start({ limit, keyStore }),
        isProblem('keychain_unavailable', /cannot be read: it .* Unlock it.*--key-store file/),
      );
    }
    assert.ok(asked.every((milliseconds) => milliseconds === 30_000));
    assert.equal(text(), before);
    keychain.fault = undefined;
    assert.deepEqual(await start(), first);
  });
}

test('a key that the keychain has lost is missed, and not made anew', async (t) => {
  const { keychain, start, file } = setUp(t);
  await start();
  keychain.entries.clear();
  for (const keyStore of ['auto', 'file'] as const) {
    await assert.rejects(start({ keyStore }), (error: unknown) => {
      isProblem('keychain_unavailable', /is not there\. Start the node as the user/)(error);
      assert.ok((error as Error).message.includes(`remove ${file} and become a new node`));
      return true;
    });
  }
  assert.equal(keychain.entries.size, 0);
});

test('a damaged entry is not repeated in the error', async (t) => {
  const { keychain, start } = setUp(t);
  await start();
  for (const account of keychain.entries.keys()) keychain.entries.set(account, 'SUSECRET');
  await assert.rejects(start(), (error: unknown) => {
    isProblem('data_folder_unusable', /There is no node key in the keychain in memory/)(error);
    assert.doesNotMatch(String((error as Error).stack), /SUSECRET/);
    return true;
  });
});

test('two nodes of one machine have an entry each, also when one moves out of a folder and another in', async (t) => {
  const { folder, keychain, start, file } = setUp(t);
  const [first, neighbour] = [await start(), await start({ folder: temporaryFolder(t) })];
  assert.deepEqual(await start({ folder: join(folder, 'sub', '..') }), first);
  const newHome = temporaryFolder(t);
  renameSync(file, join(newHome, 'node-key.json'));
  const successor = await start();
  assert.equal(keychain.entries.size, 3);
  assert.deepEqual(await start({ folder: newHome }), first);
  assert.equal(new Set([first, neighbour, successor].map(({ publicKey }) => publicKey)).size, 3);
});

test('key_store moves a key to the keychain and back, and leaves nothing behind', async (t) => {
  const { keychain, log, start, text } = setUp(t);
  const first = await start({ keyStore: 'file' });
  assert.deepEqual(await start({ keyStore: 'keychain' }), first);
  assert.doesNotMatch(text(), /seed/);
  assert.equal(keychain.entries.size, 1);
  assert.deepEqual(await start({ keyStore: 'keychain' }), first);
  assert.deepEqual(await start({ keyStore: 'file' }), first);
  assert.match(text(), /"seed"/);
  assert.equal(keychain.entries.size, 0);
  assert.match(log.lines[1] ?? '', /lies in the keychain .*moved there, as key_store says$/);
  assert.match(log.lines[3] ?? '', /lies in the file .*moved there, as key_store says$/);
});

test('a key that cannot be moved to the keychain stays in its file, and the start says so', async (t) => {
  const { keychain, start, text } = setUp(t);
  await start({ keyStore: 'file' });
  const before = text();
  for (const fault of ['refuses', 'forgets'] as const) {
    keychain.fault = fault;
    await assert.rejects(start({ keyStore: 'keychain' }), isProblem('keychain_unavailable', /cannot be kept in/));
    assert.equal(text(), before);
  }
});

test('a new node that is told to use the keychain does not fall back to a file', async (t) => {
  const { keychain, start, file } = setUp(t);
  keychain.fault = 'never answers';
  const { limit, asked } = limitsThatRunOut();
  await assert.rejects(start({ keyStore: 'keychain', limit }), isProblem('keychain_unavailable', /within 30 seconds/));
  assert.deepEqual(asked, [30_000]);
  assert.equal(existsSync(file), false);
});

test('a damaged key file is left as it is, whatever key_store says', async (t) => {
  const { keychain, start, file, text } = setUp(t);
  for (const damaged of ['', '{}', 'null', '{"keychain":{}}', '{"keychain":null}', '{"seed":7}']) {
    for (const keyStore of ['auto', 'keychain', 'file'] as const) {
      writeFileSync(file, damaged);
      await assert.rejects(start({ keyStore }), isProblem('data_folder_unusable', /Restore it/));
      assert.equal(text(), damaged);
    }
  }
  assert.deepEqual(keychain.calls, []);
});

test('a folder that cannot be used is a problem of the folder', async (t) => {
  const { folder, start } = setUp(t);
  writeFileSync(join(folder, 'plain'), '');
  await assert.rejects(
    start({ folder: join(folder, 'plain') }),
    isProblem('data_folder_unusable', /name another folder with --data\.$/),
  );
});
