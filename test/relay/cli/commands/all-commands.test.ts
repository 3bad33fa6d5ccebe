import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Command } from 'commander';
import { COMMANDS } from '../../../../relay/cli/commands/all.ts';
import { ROOT, runSparewatt } from '../../../support/command.ts';

for (const [name, description, load] of COMMANDS) {
  test(`sparewatt ${name} is more than its line in the help once it is loaded`, async () => {
    const command = new Command(name).description(description);
    (await load())(command);
    assert.equal(command.description(), description, 'the description stands in one place');
    assert.ok(command.options.length + command.commands.length + command.registeredArguments.length > 0);
  });
}

test('every file of commands is in the list that the help shows', () => {
  const files = readdirSync(join(ROOT, 'relay/cli/commands')).map((file) => file.replace(/\.ts$/, ''));
  const others = ['all', 'stored-models'];
  assert.deepEqual(
    COMMANDS.map(([name]) => name)
      .concat(others)
      .sort(),
    files.sort(),
  );
});

test('sparewatt help loads the command that it is asked about, and a misspelt one is refused with the nearest', async () => {
  const help = await runSparewatt(['help', 'jobs']);
  assert.equal(help.code, 0);
  assert.match(help.stdout, /^Usage: sparewatt jobs /);
  assert.match(help.stdout, /\n {2}submit .*<service> <input>/);
  const misspelt = await runSparewatt(['jbos', '--limit', '3']);
  assert.equal(misspelt.code, 2);
  assert.match(misspelt.stderr, /Did you mean jobs\?/);
});

test('sparewatt help shows the help of a part of a command, also where the command does something by itself', async () => {
  for (const words of [
    ['jobs', 'submit'],
    ['models', 'add'],
  ]) {
    const { code, stdout } = await runSparewatt(['help', ...words]);
    assert.equal(code, 0);
    assert.ok(stdout.startsWith(`Usage: sparewatt ${words.join(' ')} `), stdout);
  }
});

test('a word that is no part of a command is told as that, also where the command does something by itself', async () => {
  for (const words of [
    ['models', 'rm', 'lab/chat'],
    ['config', 'set', '--json'],
    ['jobs', 'delete'],
  ]) {
    const { code, stderr } = await runSparewatt(words);
    assert.equal(code, 2);
    assert.ok(stderr.startsWith(`error: unknown command '${words[1]}'\n`), stderr);
    assert.ok(stderr.includes(`${words[0]} --help says what it takes`), stderr);
  }
});

test('no line of a help is wider than a terminal of 80 columns, however long the names of its parts are', async () => {
  for (const name of ['nodes', 'jobs', 'credits']) {
    const { stdout } = await runSparewatt([name, '--help']);
    assert.deepEqual(
      stdout.split('\n').filter((line) => line.length > 80),
      [],
    );
  }
});

test('the help of a command begins with its own flags, and names the values of a setting that has few', async () => {
  const { stdout } = await runSparewatt(['relay', '--help']);
  const [own = '', settings = ''] = stdout.split('\nSettings, also from the environment or sparewatt.toml:\n');
  assert.match(own, /\nOptions:\n {2}--ready-json /);
  assert.doesNotMatch(own, /--port/);
  assert.match(
    settings.replaceAll(/\s+/g, ' '),
    /--log-level .*\(choices: "debug", "info", "warn", "error", "silent"\)/,
  );
});

const PRINT_WHAT_THEY_ARE_ABOUT = ['nats-config', 'credentials', 'completion'];
const STAY = ['start', 'relay', 'agent'];

test('whatever asks takes --json', async () => {
  const without: string[] = [];
  const look = (command: Command, path: string): void => {
    const asks = command.commands.length === 0 || command.options.length > 0;
    if (asks && !command.options.some(({ long }) => long === '--json')) without.push(path);
    for (const part of command.commands) look(part, `${path} ${part.name()}`);
  };
  for (const [name, , load] of COMMANDS) {
    const command = new Command(name);
    (await load())(command);
    look(command, name);
  }
  assert.deepEqual(without.sort(), [...PRINT_WHAT_THEY_ARE_ABOUT, ...STAY].sort());
});

test('what a command is given after its name never names another command', async () => {
  const wrong = await runSparewatt(['jobs', 'list', 'relay', '--port', '0']);
  assert.equal(wrong.code, 2);
  assert.match(wrong.stderr, /unknown option '--port'/);
});
