/** A program that forks without end: what it may have is counted by the kernel, apart from all that its user runs. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync } from 'node:fs';
import { release } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { test } from 'node:test';
import { findProgram } from '../../../../main/headless/find-program.ts';
import { runProgram } from '../../../../main/headless/tools/run-program.ts';
import { findSandbox, type SandboxedCommand } from '../../../../main/headless/tools/sandbox.ts';
import { afterTest } from '../../../support/after-test.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';
import { until } from '../../../support/until.ts';

const MOST = 40;
const LIMITS = { memoryBytes: 2 ** 40, outputBytes: 2 ** 30, timeMs: 60_000, threads: 1, processes: MOST };
/** The kernel counts nothing of root's; nobody else runs as this user. */
const NOBODY = 65_534;
/** What keeps a broken limit from harming the machine, since it is no sandbox's. */
const GUARD = 2_000;
const SLEEP = 'sleep 98769';
/** The inner shell ends where it cannot fork any more, and the outer one starts the next. */
const FORKS = `while :; do /bin/sh -c 'while :; do ${SLEEP} & done'; done`;

const programs = await Promise.all(['bwrap', 'prlimit', 'setpriv'].map((name) => findProgram(name)));
const skip = await whyNot();

/** As a user who is not root. */
function asSomebody({ command, args }: SandboxedCommand): SandboxedCommand {
  const [, prlimit = '', setpriv = ''] = programs;
  if (process.getuid?.() !== 0) return { command, args };
  const user = [setpriv, `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups', '--'];
  return { command: prlimit, args: [`--nproc=${GUARD}`, '--', ...user, command, ...args] };
}

async function whyNot(): Promise<string | false> {
  if (process.platform !== 'linux') return 'there is no bubblewrap but on Linux';
  if (programs.includes(undefined)) return 'bubblewrap or util-linux is not installed';
  const [major = 0, minor = 0] = release().split('.').map(Number);
  if (major < 5 || (major === 5 && minor < 14)) return 'Linux counts all processes of a user together before 5.14';
  try {
    const [bwrap = ''] = programs;
    const probe = asSomebody({ command: bwrap, args: ['--unshare-all', '--ro-bind', '/', '/', '--', '/bin/true'] });
    execFileSync(probe.command, probe.args, { stdio: 'ignore' });
    return false;
  } catch {
    return 'users of this machine may have no namespaces';
  }
}

function sleeping(): number {
  const lines = execFileSync('ps', ['-axo', 'args=']).toString().split('\n');
  return lines.filter((line) => line === SLEEP).length;
}

test('a program that forks without end has as many processes as it may and no more, and the machine goes on', {
  skip,
}, async (t) => {
  const cwd = temporaryFolder(t);
  for (const name of ['.', 'in', 'out', 'tmp']) {
    mkdirSync(join(cwd, name), { recursive: true });
    chmodSync(join(cwd, name), 0o755);
  }
  const sandbox = await findSandbox();
  const wrapped = asSomebody(sandbox.wrap('/bin/sh', ['-c', FORKS], cwd, LIMITS));
  const cancel = new AbortController();
  afterTest(t, () => cancel.abort());
  // Counted from outside as well, which would end it.
  const limits = { ...LIMITS, processes: GUARD };
  const run = runProgram({ ...wrapped, cwd, limits, signal: cancel.signal });
  run.catch(() => undefined);
  await until(() => sleeping() > MOST / 2);
  const other = asSomebody({
    command: '/bin/sh',
    args: ['-c', 'i=0; while [ $i -lt 60 ]; do sleep 1 & i=$((i+1)); done'],
  });
  execFileSync(other.command, other.args, { stdio: 'ignore' });
  assert.ok(sleeping() < MOST, `${sleeping()} run`);
  cancel.abort(new Error('cancelled'));
  await assert.rejects(run, /cancelled/);
  assert.equal(sleeping(), 0);
});
