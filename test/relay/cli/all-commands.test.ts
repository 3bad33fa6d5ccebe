import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Command } from 'commander';
import { COMMANDS } from '../../../relay/cli/commands/all.ts';
import { ROOT, runSparewatt } from '../../support/command.ts';

for (const [name, description, load] of COMMANDS) {
  test(`sparewatt ${name} is more than its line in the help once it is loaded`, async () => {
    const command = new Command(name).description(description);
    (await load())(command);
    assert.equal(command.description(), description, 'the description stands in one place');
    assert.ok(command.options.length + command.commands.length > 0);
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

test('what a command is given after its name never names another command', async () => {
  const wrong = await runSparewatt(['jobs', 'list', 'relay', '--port', '0']);
  assert.equal(wrong.code, 2);
  assert.match(wrong.stderr, /unknown option '--port'/);
});
