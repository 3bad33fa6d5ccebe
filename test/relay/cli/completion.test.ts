/** `sparewatt completion`, in the shells themselves. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { COMMANDS } from '../../../relay/cli/commands/all.ts';
import { runSparewatt } from '../../support/command.ts';

const folder = mkdtempSync(join(tmpdir(), 'completion-'));
after(() => rmSync(folder, { recursive: true, force: true }));
mkdirSync(join(folder, 'receipts'));
writeFileSync(join(folder, 'receipt of today.json'), '{}');

const COMMAND_NAMES = [...COMMANDS.map(([name]) => name), 'help'].sort();
/** What is typed, the last word as far as it has come, and what Tab offers for that. */
const CASES: [typed: string, offered: string[]][] = [
  ['', COMMAND_NAMES],
  ['mod', ['models']],
  ['models mir', ['mirror']],
  ['models mirror un', ['unpin']],
  ['chat --max', ['--max-tokens']],
  ['completion ', ['bash', 'fish', 'zsh']],
  ['config e', ['explain']],
  ['relay --log-level s', ['silent']],
  ['keys create --scope us', ['usage']],
  ['jobs list --state exp', ['expired']],
  ['receipts verify rec', ['receipt of today.json', 'receipts']],
  ['chat --receipt rec', ['receipt of today.json', 'receipts']],
  ['models list --data rec', ['receipts']],
  ['chat --model rec', []],
  ['chat --api-key ', []],
];

function has(shell: string): boolean {
  return spawnSync(shell, ['--version']).status === 0;
}

/** A shell with the script for it, in the folder with the files. */
async function ask(shell: string, args: string[], script: string): Promise<string> {
  const made = await runSparewatt(['completion', shell]);
  assert.deepEqual([made.code, made.stderr], [0, '']);
  writeFileSync(join(folder, `.script.${shell}`), made.stdout);
  const env = { ...process.env, HOME: folder, ZDOTDIR: folder, TERM: 'dumb' };
  const run = spawnSync(shell, [...args, script], { cwd: folder, env, encoding: 'utf8', timeout: 60_000 });
  assert.deepEqual([run.status, run.stderr], [0, ''], run.stdout);
  return run.stdout;
}

function linesOf(text: string): string[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .sort();
}

test('bash completes commands, flags, values and files', {
  skip: !has('bash') && 'there is no bash here',
}, async () => {
  const quoted = CASES.map(([typed]) => `try ${typed.replace(/(^| )$/, "$1''")}`);
  const output = await ask(
    'bash',
    ['--norc', '-c'],
    `. ./.script.bash; complete -p sparewatt > /dev/null || exit 1
     try() { COMP_WORDS=(sparewatt "$@"); COMP_CWORD=$#; _sparewatt; echo =; printf '%s\\n' "\${COMPREPLY[@]}"; }
     ${quoted.join('\n')}`,
  );
  assert.deepEqual(
    output.split('=\n').slice(1).map(linesOf),
    CASES.map(([, offered]) => offered),
  );
});

test('bash completes a value behind an equals sign', { skip: !has('bash') && 'there is no bash here' }, async () => {
  const script = `. ./.script.bash; COMP_WORDS=(sparewatt relay --log-level = wa); COMP_CWORD=4; _sparewatt
    echo "\${COMPREPLY[@]}"; COMP_WORDS=(sparewatt relay --log-level =); COMP_CWORD=3; _sparewatt; echo "\${COMPREPLY[@]}"`;
  assert.equal(await ask('bash', ['--norc', '-c'], script), 'warn\ndebug info warn error silent\n');
});

test('fish completes the same, and says what each is for', {
  skip: !has('fish') && 'there is no fish here',
}, async () => {
  const asked = CASES.map(([typed]) => `echo =; complete -C 'sparewatt ${typed}'`);
  const output = await ask('fish', ['--no-config', '-c'], `source ./.script.fish; ${asked.join('; ')}`);
  const told = output.split('=\n').slice(1).map(linesOf);
  assert.deepEqual(
    told.map((lines) => lines.map((line) => line.replace(/\t.*|\/$/, '').replace(/\/$/, ''))),
    CASES.map(([, offered]) => offered),
  );
  assert.ok(told[0]?.includes(`chat\t${COMMANDS.find(([name]) => name === 'chat')?.[1]}`), told[0]?.join('\n'));
});

test('zsh completes when Tab is pressed', { skip: !has('zsh') && 'there is no zsh here' }, async () => {
  // In a shell of a terminal of its own, which tells what it then runs: how it draws the line is its own affair.
  const pressed: [typed: string, run: string][] = [
    ['models mir\\t', 'models mirror'],
    ['chat --max\\t', 'chat --max-tokens'],
    ['relay --log-level s\\t', 'relay --log-level silent'],
    ['receipts verify receipt\\\\ \\t', 'receipts verify receipt of today.json'],
  ];
  const script = [
    'zmodload zsh/zpty; zpty z zsh -f -i',
    `zpty -w z '. ./.script.zsh; sparewatt() { print -r "ran" "$*." }; print load""ed'; zpty -r z out '*loaded*'`,
    ...pressed.map(([typed, run]) => `zpty -w z $'sparewatt ${typed}'; zpty -r z out '*ran ${run}.*' || exit 1`),
  ];
  await ask('zsh', ['-f', '-c'], script.join('\n'));
});
