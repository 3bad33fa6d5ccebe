import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { Command } from 'commander';
import { defineNodeCommand } from '../../../../relay/cli/commands/node.ts';
import { EXIT, exitCodeOfProblem } from '../../../../relay/cli/exit-codes.ts';
import { appFolder, controlFolders, findNode } from '../../../../relay/cli/node/node-folders.ts';
import { logLineText, nodeStatusText } from '../../../../relay/cli/terminal/node-status-text.ts';
import { loadSettings } from '../../../../relay/config/load-settings.ts';
import type { NodeStatus } from '../../../../shared/control/control-protocol.ts';
import { Problem } from '../../../../shared/problems/problem.ts';
import { openTestControl, TEST_STATUS } from '../../../support/control.ts';
import { isProblem } from '../../../support/problems.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';

const NOW = new Date(2026, 10, 21, 18, 30).getTime();
const MINUTE_MS = 60_000;

function nodeCommand(): Command {
  const node = new Command('node');
  defineNodeCommand(node);
  for (const command of [node, ...node.commands]) command.exitOverride().configureOutput({ writeErr: () => undefined });
  return node;
}

test('every command explains itself, with where it looks and how programs read it', () => {
  const { commands } = nodeCommand();
  assert.deepEqual(
    commands.map((command) => command.name()),
    ['status', 'pause', 'resume', 'finish', 'jobs', 'receipts', 'log'],
  );
  for (const command of commands) assert.match(command.helpInformation(), /--data <dir>.*--json/s, command.name());
});

test('times and counts that mean nothing are refused before anybody is asked', async () => {
  for (const time of ['', '30', '0m', '99d', '-1h', '1.5h', 'forever', '30m ', '999999999d']) {
    await assert.rejects(nodeCommand().parseAsync(['pause', '--for', time], { from: 'user' }), /tomorrow/, time);
  }
  for (const count of ['-1', '1001', 'all', '1e3', '']) {
    await assert.rejects(nodeCommand().parseAsync(['log', '--lines', count], { from: 'user' }), /0 to 1000/, count);
  }
});

test('the folder of the app is the one that Electron gives it', () => {
  const home = '/home/ada';
  assert.equal(appFolder({ platform: 'linux', env: {}, home }), '/home/ada/.config/Sparewatt');
  assert.equal(appFolder({ platform: 'linux', env: { XDG_CONFIG_HOME: '/x' }, home }), '/x/Sparewatt');
  assert.equal(appFolder({ platform: 'darwin', env: {}, home }), '/home/ada/Library/Application Support/Sparewatt');
  assert.match(appFolder({ platform: 'win32', env: { APPDATA: 'R' }, home }), /^R[\\/]Sparewatt$/);
});

test('a folder that is named is looked in and no other, by whatever it is named', () => {
  const surroundings = { platform: 'linux' as const, env: {}, home: '/home/ada' };
  const foldersOf = (flags: Record<string, unknown>, env: Record<string, string>) =>
    controlFolders(loadSettings(['program'], { flags, env, workingFolder: '/' }), surroundings);
  const named = ['/data/control', '/data/node/control'];
  assert.deepEqual(foldersOf({ data: '/data' }, {}), named);
  assert.deepEqual(foldersOf({}, { SPAREWATT_DATA: '/data' }), named);
  assert.equal(foldersOf({}, {})[0], '/home/ada/.config/Sparewatt/control');
});

test('no node, and more than one, are told with where they were looked for', async (t) => {
  const none = join(temporaryFolder(t), 'none');
  await assert.rejects(
    findNode([none]),
    isProblem('node_unreachable', /No node runs on this machine\. Looked in .*--data/),
  );
  assert.equal(exitCodeOfProblem(new Problem('node_unreachable', 'x')), EXIT.unreachable);
  const one = await openTestControl(t);
  const other = await openTestControl(t);
  const several = isProblem('invalid_option', new RegExp(`Several nodes run: process ${process.pid} in `));
  await assert.rejects(findNode([one.folder, other.folder]), several);
});

test('the state is shown in aligned lines, without colours in a pipe', () => {
  const status: NodeStatus = {
    ...TEST_STATUS,
    contributing: false,
    reason: 'Paused by you',
    until: NOW + 30 * MINUTE_MS,
    since: NOW - 90_000,
    pid: 7,
    relay: { state: 'connected', relay: 'http://relay:8484', nodeId: 'attic' },
    jobs: [{ job: 'job_1', type: 'llm', model: 'a/b', client: 'key_1', startedAt: NOW - 5_000, outputTokens: 12 }],
    startedAt: NOW - 60 * MINUTE_MS,
    done: { jobs: 1, outputTokens: 340 },
    models: [
      {
        ...{ name: 'a/b', type: 'llm', device: 'webgpu', sizeBytes: 1.5e9 },
        trials: [
          { device: 'webgpu', dtype: 'q4', per_second: 40, load_ms: 9, verdict: 'chosen', reason: 'the best of 2' },
          { device: 'cpu', dtype: 'q4', per_second: 12.34, load_ms: 3, verdict: 'possible', reason: 'measured' },
          {
            device: 'cuda',
            dtype: 'q4',
            per_second: null,
            load_ms: null,
            verdict: 'refused',
            reason: 'no\u001bdriver',
          },
        ],
      },
      {
        ...{ name: 'c/d', type: 'llm', device: 'cpu', sizeBytes: 3e6 },
        threadTrial: { chosen: { threads: 2, tokensPerS: 41 }, other: { threads: 1, tokensPerS: 33.25 } },
      },
      { name: 'evil\u001b[2J', type: 'llm', device: 'cpu', sizeBytes: 2e6 },
    ],
  };
  assert.deepEqual(nodeStatusText(status, NOW).split('\n'), [
    'Paused by you until 19:00',
    '  since   18:28 (90 s)',
    '  node    sparewatt agent 0.0.0-test, process 7',
    '  relay   http://relay:8484, connected as attic',
    '  jobs    job_1  llm on a/b, 5 s, 12 tokens',
    '  done    1 job, 340 tokens written since 17:30',
    '  models  a/b  webgpu, 1.5 GB',
    '            runs on webgpu in q4: 40.0/s, the best of 2',
    '            tried cpu in q4: 12.3/s, measured',
    '            tried cuda in q4: no\\u{1b}driver',
    '          c/d  cpu, 3 MB',
    '            several at once: 2 threads 41.0 tokens/s, 1 thread 33.3 tokens/s; runs on 2 threads',
    '          evil\\u{1b}[2J  cpu, 2 MB',
    '',
  ]);
  const idle = nodeStatusText({ ...TEST_STATUS, until: NOW + 86_400_000, since: NOW }, NOW);
  assert.match(idle, /until 2026-11-22 18:30\n.*\n.*\n {2}relay {3}none: not paired yet\n {2}jobs {4}none\n/);
  const locked = nodeStatusText({ ...TEST_STATUS, relay: { state: 'key_store_locked' } }, NOW);
  assert.match(locked, /relay {3}not known: the key store of this system is locked\n/);
});

test('what the owner tells of GPUs is shown beside what was found, and what is none as that', () => {
  const gpu = { name: 'RTX\u001b', vendor: 'NVIDIA', vram_bytes: null, driver: null };
  const gpus = {
    counted: [gpu, { ...gpu, vram_bytes: 2 ** 33, found: gpu }],
    removed: [{ ...gpu, name: 'llvm\u001bpipe' }],
  };
  assert.deepEqual(
    nodeStatusText({ ...TEST_STATUS, gpus }, NOW)
      .split('\n')
      .slice(6, -1),
    [
      '  GPUs    RTX\\u{1b}',
      '          RTX\\u{1b}, 8.0 GiB of its own (told by its owner; found: RTX\\u{1b})',
      '          none, as its owner says: llvm\\u{1b}pipe',
    ],
  );
});

test('rules of the owner are shown as what is followed and what is not, and a node without any shows none', () => {
  const rules = [
    { rule: 'games.programs', needs: 'programs', followed: true },
    { rule: 'contribute_on_battery', needs: 'power', followed: true },
    { rule: 'games.detect', needs: 'full_screen', followed: false },
    { rule: 'away_after_s', needs: 'idle_s', followed: false },
  ];
  const shown = (status: Partial<NodeStatus>) =>
    nodeStatusText({ ...TEST_STATUS, ...status }, NOW)
      .split('\n')
      .slice(6, -1);
  assert.deepEqual(shown({ rules }), [
    '  rules   followed: programs that you name, battery',
    '          not followed, as nothing tells of them here: full-screen programs, keyboard and mouse',
    '          works as while you are away',
  ]);
  assert.equal(shown({ rules, kind: 'app' }).at(-1), '          works as while you are here');
  assert.deepEqual(shown({ rules: rules.slice(0, 1) }), ['  rules   followed: programs that you name']);
  assert.deepEqual(shown({ rules: [] }), []);
  assert.deepEqual(shown({}), [], 'an older node says nothing of rules');
});

test('a line of the log is shown with its fields, and one of another kind as it is', () => {
  const line = JSON.stringify({
    time: '2026-11-21T17:30:00.000Z',
    level: 'warn',
    message: 'hot',
    degrees: 90,
    what: 'gpu',
  });
  const at = Date.parse('2026-11-21T17:30:00.000Z');
  assert.match(logLineText(line, at), /^\d\d:[03]0:00 {2}warn {3}hot {2}degrees=90 {2}what=gpu\n$/);
  assert.match(logLineText(line, at + 86_400_000), /^2026-11-2\d \d\d:[03]0:00 {2}warn {3}hot /);
  assert.equal(logLineText('no JSON \u001b[31m', at), 'no JSON \\u{1b}[31m\n');
});
