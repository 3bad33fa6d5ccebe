import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { describe, it } from 'node:test';
import { isAlive } from '../../relay/fabric/nats-server-process.ts';
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

function majorOf(node: string): number {
  return Number(/^v(\d+)/.exec(execFileSync(node, ['--version'], { encoding: 'utf8' }))?.[1]);
}
