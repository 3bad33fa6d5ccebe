import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readPrograms } from '../../../../main/headless/presence/programs.ts';

test('on Windows Steam tells the game by its name, and nothing once it does not run', async () => {
  const asked: string[] = [];
  const answers: Record<string, string | null> = {
    tasklist: '"Steam.exe","4","Console","1","1 K"\r\n"eldenring.exe","5","Console","1","2 K"\r\n',
    RunningAppID: '\r\nHKEY_CURRENT_USER\\Software\\Valve\\Steam\r\n    RunningAppID    REG_DWORD    0x1303a4\r\n\r\n',
    Name: '\r\nHKEY_CURRENT_USER\\Software\\Valve\\Steam\\Apps\\1246116\r\n    Name    REG_SZ    ELDEN RING\r\n\r\n',
  };
  const ask = async (program: string, args: readonly string[]) => {
    asked.push([program, ...args].join(' '));
    return answers[program === 'reg' ? (args.at(-1) ?? '') : program] ?? null;
  };
  const read = async () => (await readPrograms('win32', ask)).game;
  assert.equal(await read(), 'ELDEN RING');
  assert.equal(asked.at(-1), 'reg query HKCU\\Software\\Valve\\Steam\\Apps\\1246116 /v Name');
  answers.Name = null;
  assert.equal(await read(), 'Steam app 1246116');
  answers.tasklist = '"eldenring.exe","5","Console","1","2 K"\r\n';
  assert.equal(await read(), null, 'a Steam that was killed leaves its last word');
  answers.RunningAppID = '    RunningAppID    REG_DWORD    0x0\r\n';
  assert.equal(await read(), null);
  answers.RunningAppID = null;
  assert.equal(await read(), 'unknown', 'there is no Steam');
  answers.tasklist = null;
  assert.deepEqual(await readPrograms('win32', ask), { names: 'unknown', game: 'unknown' });
});
