/**
 * Where the tests themselves write. Each runs with a `/dev/shm` of its own, since in that of this machine the runs of others
 * may have their folders.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { freemem } from 'node:os';
import { test } from 'node:test';

const MODULE = new URL('./support/memory-folder.ts', import.meta.url).href;
const OPEN = `const { openMemoryFolder } = await import(${JSON.stringify(MODULE)});
const folder = openMemoryFolder(); console.log(folder?.path ?? 'none'); folder?.remove();`;

const needsMounts = { skip: mountsMissing() };

function mountsMissing(): string | false {
  if (freemem() < 5 * 1024 ** 3) return 'NOT TESTED HERE: this machine has no memory to spare';
  try {
    execFileSync('unshare', ['--mount', 'mount', '-t', 'tmpfs', 'none', '/dev/shm'], { stdio: 'ignore' });
    return false;
  } catch {
    return 'NOT TESTED HERE: a /dev/shm of its own takes root';
  }
}

/** What a run of the tests gets, and what these commands print before and after it, with memory of these options. */
function openedIn(options: string, { before = '', after = '', TMPDIR = undefined as string | undefined }): string[] {
  const script = `mount -t tmpfs -o ${options} none /dev/shm; ${before}
    "$@"
    ${after}`;
  const args = ['--mount', 'sh', '-ec', script, 'sh', process.execPath, '--input-type=module', '--eval', OPEN];
  const { TMPDIR: _, ...env } = process.env;
  const said = execFileSync('unshare', args, { encoding: 'utf8', env: { ...env, ...(TMPDIR && { TMPDIR }) } });
  return said.trim().split('\n');
}

test(
  'what a run that was killed has left in memory is removed, and what one that goes on has there is not',
  needsMounts,
  () => {
    // The largest process id of Linux plus one never runs.
    const [abandoned, held] = ['sparewatt-tests-4194305-left', `sparewatt-tests-${process.pid}-left`];
    const before = `mkdir /dev/shm/${abandoned} /dev/shm/${held} /dev/shm/sparewatt-9-other`;
    const [path = '', ...left] = openedIn('size=8g', { before, after: 'ls /dev/shm' });
    assert.match(path, /^\/dev\/shm\/sparewatt-tests-\d+-/);
    assert.deepEqual(left, ['sparewatt-9-other', held]);
  },
);

for (const [what, options, settings] of [
  ['where somebody has named a folder', 'size=8g', { TMPDIR: '/tmp' }],
  ['where memory runs no programs', 'size=8g,noexec', {}],
  ['where memory has no room', 'size=1g', {}],
  ['where a disk lies in the place of memory', 'size=8g', { before: 'mount --bind /var/tmp /dev/shm' }],
] as const) {
  test(`the disk is taken ${what}`, needsMounts, () => assert.deepEqual(openedIn(options, settings), ['none']));
}
