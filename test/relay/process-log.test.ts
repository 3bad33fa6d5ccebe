import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { openLogFile } from '../../relay/process-log.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const MOST_BYTES = 1_000;
const LINE_BYTES = 100;

/** Of a known length, and no two alike. */
function lineOf(number: number): string {
  return `${String(number).padEnd(LINE_BYTES - 1, '.')}\n`;
}

function linesIn(path: string): number[] {
  return readFileSync(path, 'utf8').split('\n').filter(Boolean).map(Number.parseFloat);
}

test('a log that has become too large is put aside for a new one, and the last two files lose no line', (t) => {
  const path = join(temporaryFolder(t), 'relay.log');
  const log = openLogFile(path, MOST_BYTES);
  for (let line = 0; line < 95; line++) log.write(lineOf(line));
  assert.deepEqual(
    linesIn(`${path}.1`).concat(linesIn(path)),
    [80, 81, 82, 83, 84, 85, 86, 87, 88, 89, 90, 91, 92, 93, 94],
  );
  for (const file of [path, `${path}.1`]) {
    assert.ok(statSync(file).size <= MOST_BYTES);
    if (process.platform !== 'win32') assert.equal(statSync(file).mode & 0o777, 0o600);
  }
});

test('a log that was too large already when it was opened is put aside with the first line', (t) => {
  const path = join(temporaryFolder(t), 'relay.log');
  for (let line = 0; line < 10; line++) openLogFile(path, MOST_BYTES).write(lineOf(line));
  openLogFile(path, MOST_BYTES).write(lineOf(10));
  assert.equal(linesIn(`${path}.1`).length, 10);
  assert.deepEqual(linesIn(path), [10]);
});

test('a log goes on under its name where somebody has moved it, and in the same file where it cannot be put aside', (t) => {
  const path = join(temporaryFolder(t), 'relay.log');
  const log = openLogFile(path, MOST_BYTES);
  mkdirSync(`${path}.1`);
  for (let line = 0; line < 12; line++) log.write(lineOf(line));
  assert.equal(linesIn(path).length, 12);
  renameSync(path, `${path}.moved`);
  log.write(lineOf(12));
  assert.deepEqual(linesIn(path), [12]);
  for (let line = 13; line < 22; line++) log.write(lineOf(line));
  // No folder, no file: nothing is thrown at whoever logs.
  rmSync(dirname(path), { recursive: true });
  for (let line = 22; line < 30; line++) log.write(lineOf(line));
});
