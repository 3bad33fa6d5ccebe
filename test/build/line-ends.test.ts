import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { ROOT } from '../support/command.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const OF_A_MODEL = 'shared/models/sparewatt/demo-chat/config.json';

test('a checkout by Git for Windows, which changes line ends unless it is told not to, has the bytes of every other', (t) => {
  const folder = temporaryFolder(t);
  const git = (...args: string[]) => execFileSync('git', ['-c', 'core.autocrlf=true', ...args], { cwd: folder });
  mkdirSync(dirname(join(folder, OF_A_MODEL)), { recursive: true });
  for (const file of ['.gitattributes', OF_A_MODEL]) copyFileSync(join(ROOT, file), join(folder, file));
  git('init', '--quiet');
  git('add', '.');
  rmSync(join(folder, OF_A_MODEL));
  git('checkout', '--quiet', '--', '.');
  assert.deepEqual(readFileSync(join(folder, OF_A_MODEL)), readFileSync(join(ROOT, OF_A_MODEL)));
});
