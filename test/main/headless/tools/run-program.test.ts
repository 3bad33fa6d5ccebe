import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type ProgramRun, runProgram } from '../../../../main/headless/tools/run-program.ts';
import { bubblewrap, sandboxExec } from '../../../../main/headless/tools/sandbox.ts';
import { afterTest } from '../../../support/after-test.ts';
import { isProblem } from '../../../support/problems.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';
import { until } from '../../../support/until.ts';

const skip = process.platform === 'win32' ? 'there are no process groups on Windows' : false;
const LIMITS = { memoryBytes: 2 ** 40, outputBytes: 2 ** 30, timeMs: 60_000, threads: 1, processes: 100 };

function runOf(t: TestContext, command: string, args: string[], more: Partial<ProgramRun> = {}) {
  const cwd = temporaryFolder(t);
  for (const name of ['in', 'out', 'tmp']) mkdirSync(join(cwd, name));
  const signal = new AbortController().signal;
  return runProgram({ command, args, cwd, limits: LIMITS, signal, ...more });
}

/** What follows an option, for each time it stands there. */
function valuesOf(args: readonly string[], option: string): (string | undefined)[] {
  return args.flatMap((arg, index) => (arg === option ? [args[index + 1]] : []));
}

function isRunning(args: string): boolean {
  return execFileSync('ps', ['-axo', 'args=']).toString().split('\n').includes(args);
}

test('the end of what a program writes is kept, with its code', { skip }, async (t) => {
  const end = await runOf(t, '/bin/sh', ['-c', 'echo out; echo err >&2; exit 7']);
  assert.deepEqual(end, { code: 7, stdout: 'out\n', stderr: 'err\n' });
  const long = await runOf(t, '/bin/sh', ['-c', 'i=0; while [ $i -lt 9000 ]; do echo line$i; i=$((i+1)); done']);
  assert.match(long.stdout, /\nline8999\n$/);
  assert.ok(long.stdout.length <= 16_384);
});

test('a program that takes no heed of signals is ended with its whole group, also without a sandbox', {
  skip,
}, async (t) => {
  const cancel = new AbortController();
  const script = "trap '' TERM INT; sleep 98766 & sleep 98766; sleep 98766";
  const run = runOf(t, '/bin/sh', ['-c', script], { signal: cancel.signal });
  run.catch(() => undefined);
  await until(() => isRunning('sleep 98766'));
  cancel.abort(new Error('cancelled'));
  await assert.rejects(run, /cancelled/);
  assert.equal(isRunning('sleep 98766'), false);
});

test('what a program leaves in its group when it ends is no part of the job', { skip }, async (t) => {
  await runOf(t, '/bin/sh', ['-c', 'sleep 98767 >/dev/null 2>&1 & exit 0']);
  await until(() => !isRunning('sleep 98767'));
});

test('memory is watched where nothing else limits it', { skip }, async (t) => {
  const code = 'const a = []; for (let i = 0; i < 40; i++) a.push(Buffer.alloc(1e7, 1)); setInterval(() => a, 1e3)';
  const limits = { ...LIMITS, memoryBytes: 2e8 };
  const run = runOf(t, process.execPath, ['-e', code], { limits });
  await assert.rejects(run, isProblem('tool_failed', /200000000 bytes of memory/));
});

test('processes are counted where nothing else limits them', { skip }, async (t) => {
  const script = 'i=0; while [ $i -lt 12 ]; do sleep 98768 & i=$((i+1)); done; wait';
  const limits = { ...LIMITS, processes: 8 };
  await assert.rejects(
    runOf(t, '/bin/sh', ['-c', script], { limits }),
    isProblem('tool_failed', /more than 8 processes/),
  );
  await until(() => !isRunning('sleep 98768'));
});

test('a program that is not there, and a job that is over already, start nothing', { skip }, async (t) => {
  await assert.rejects(runOf(t, '/nowhere/ffmpeg', []), isProblem('tool_unusable', /^ffmpeg could not be started/));
  const signal = AbortSignal.abort(new Error('over'));
  await assert.rejects(runOf(t, '/bin/sh', ['-c', 'exit 0'], { signal }), /over/);
});

test('bubblewrap is told to unshare everything and to show the system and the folder of the job alone', {
  skip,
}, () => {
  const wrap = (countsProcesses: boolean) =>
    bubblewrap('/x/bwrap', '/x/prlimit', countsProcesses).wrap('/bin/sh', ['-c', '-x'], '/jobs/1', LIMITS);
  const { command, args } = wrap(true);
  assert.equal(command, '/x/bwrap');
  for (const flag of ['--unshare-all', '--die-with-parent', '--new-session', '--clearenv'])
    assert.ok(args.includes(flag));
  assert.equal(args[args.indexOf('--cap-drop') + 1], 'ALL');
  assert.deepEqual(valuesOf(args, '--bind'), ['/jobs/1/tmp', '/jobs/1/out'], 'what can be written');
  assert.deepEqual(valuesOf(args, '--ro-bind'), ['/jobs/1/in']);
  const [, ...program] = args.slice(args.lastIndexOf('--'));
  assert.deepEqual(program, ['/bin/sh', '-c', '-x']);
  assert.deepEqual(args.slice(args.indexOf('--') + 1, args.lastIndexOf('--')), [
    ...['/x/prlimit', `--as=${2 ** 40}`, `--fsize=${2 ** 30}`, '--core=0', '--nofile=256', '--nproc=100'],
  ]);
  assert.ok(!wrap(false).args.includes('--nproc=100'), 'where it would count all that its user runs');
});

test('a program of the owner’s own is shown what lies beside it, and nobody’s home', { skip }, (t) => {
  const disk = temporaryFolder(t);
  const bin = join(disk, 'owner', 'bin');
  mkdirSync(bin, { recursive: true });
  symlinkSync(join(disk, 'owner'), join(disk, 'home'));
  const programIn = (folder: string): string => {
    writeFileSync(join(folder, 'ffmpeg'), '');
    return join(folder, 'ffmpeg');
  };
  const shownTo = (program: string): (string | undefined)[] =>
    valuesOf(bubblewrap('/x/bwrap', '/x/prlimit', true).wrap(program, [], '/jobs/1', LIMITS).args, '--ro-bind');
  const { HOME } = process.env;
  afterTest(t, () => Object.assign(process.env, { HOME }));
  assert.deepEqual(shownTo('/bin/sh'), ['/jobs/1/in']);
  // A home may be reached by a link, as where /home is one to /var/home.
  for (const home of ['owner', 'home']) {
    process.env.HOME = join(disk, home);
    assert.deepEqual(shownTo(programIn(join(disk, home, 'bin'))), [bin, '/jobs/1/in']);
    for (const folder of [join(disk, home), disk]) {
      assert.throws(() => shownTo(programIn(folder)), isProblem('tool_unusable', /the owner's files/), folder);
    }
  }
});

test('sandbox-exec is told to deny what it is not told to allow, and nothing of the network', { skip }, (t) => {
  const folder = temporaryFolder(t);
  const { command, args } = sandboxExec('/x/sandbox-exec').wrap('/bin/sh', ['-c', 'x'], folder, LIMITS);
  const [flag, profile = '', ...program] = args;
  assert.deepEqual([command, flag, program], ['/x/sandbox-exec', '-p', ['/bin/sh', '-c', 'x']]);
  assert.match(profile, /^\(version 1\) \(deny default\) /);
  assert.doesNotMatch(profile, /network|mach-lookup/);
  assert.match(
    profile,
    new RegExp(`\\(allow file-write\\* \\(subpath "${folder}/out"\\) \\(subpath "${folder}/tmp"\\)`),
  );
  const [read = ''] = profile.match(/\(allow file-read\* .*?\)\)/) ?? [];
  const readable = [...read.matchAll(/"([^"]+)"/g)].map(([, path]) => path);
  assert.ok(readable.includes(folder), 'its own folder');
  const odd = join(folder, 'a"b');
  mkdirSync(odd);
  const wrapOdd = () => sandboxExec('/x/sandbox-exec').wrap('/bin/sh', [], odd, LIMITS);
  assert.throws(wrapOdd, isProblem('tool_unusable', /quotation mark/));
});
