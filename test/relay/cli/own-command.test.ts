import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ownCommand, ownCommandElsewhere, type Surroundings } from '../../../relay/cli/own-command.ts';

function surroundings(change: Partial<Surroundings> = {}): Surroundings {
  return {
    env: { PATH: '/usr/bin' },
    platform: 'linux',
    folder: '/home/ada',
    root: '/src/sparewatt',
    exists: () => false,
    ...change,
  };
}

test('a command that the PATH has is called by its name', () => {
  const installed = surroundings({ exists: (path) => path === '/usr/bin/sparewatt' });
  assert.deepEqual([ownCommand(installed), ownCommandElsewhere(installed)], ['sparewatt', 'sparewatt']);
  assert.equal(ownCommand({ ...installed, folder: '/src/sparewatt' }), 'sparewatt');
  const windows = surroundings({ platform: 'win32', exists: (path) => path.endsWith('sparewatt.cmd') });
  assert.equal(ownCommand({ ...windows, env: { Path: '/npm' } }), 'sparewatt');
});

test('a folder that npm has put before the PATH is not the person’s own', () => {
  const folder = '/src/sparewatt/node_modules/.bin';
  const exists = (path: string) => path === `${folder}/sparewatt`;
  const env = { PATH: `${folder}:/usr/bin` };
  assert.equal(ownCommand(surroundings({ env, exists })), 'sparewatt');
  const byNpm = { ...env, npm_command: 'exec', npm_execpath: '/npm-cli.js' };
  assert.equal(ownCommand(surroundings({ env: byNpm, exists })), 'npx sparewatt');
});

test('in a checkout it is npx that finds the command, and elsewhere the path of the file', () => {
  assert.equal(ownCommand(surroundings({ folder: '/src/sparewatt' })), 'npx sparewatt');
  assert.equal(ownCommand(surroundings({ folder: '/src/sparewatt/test' })), 'npx sparewatt');
  for (const folder of ['/home/ada', '/src', '/src/sparewatt-2']) {
    assert.equal(ownCommand(surroundings({ folder })), 'node /src/sparewatt/relay/cli/bin.mjs', folder);
    // No other machine has that path.
    assert.equal(ownCommandElsewhere(surroundings({ folder })), 'npx sparewatt');
  }
  assert.equal(ownCommand(surroundings({ root: '/my src' })), 'node "/my src/relay/cli/bin.mjs"');
});
