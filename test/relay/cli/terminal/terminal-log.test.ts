import assert from 'node:assert/strict';
import { test } from 'node:test';
import pino from 'pino';
import { momentText } from '../../../../relay/cli/terminal/moment-text.ts';
import { terminalLine } from '../../../../relay/cli/terminal/terminal-log.ts';

/** What the log of a process writes, as `createProcessLog` sets it up. */
function linesOf(write: (log: pino.Logger) => void): string[] {
  const lines: string[] = [];
  const options = { level: 'debug', base: { pid: 7 }, timestamp: pino.stdTimeFunctions.isoTime };
  write(pino(options, { write: (line) => void lines.push(line) }));
  return lines;
}

const shown = (write: (log: pino.Logger) => void, withStacks = false): string =>
  linesOf(write)
    .map((line) => terminalLine(line, withStacks))
    .join('');

test('a line of the log is a time of day, a level, a sentence and what else is known', () => {
  const text = shown((log) => {
    log.warn({ relay: 'http://relay:8484', models: ['a/b'] }, 'The relay does not answer.');
    log.info('is in memory');
    log.debug({}, 'small');
    log.fatal({}, 'large');
  });
  assert.match(
    text,
    /^\d\d:\d\d:\d\d {2}warn {3}The relay does not answer\. {2}relay=http:\/\/relay:8484 {2}models=\["a\/b"\]\n/,
  );
  assert.match(text, /\n[\d:]{8} {2}info {3}is in memory\n[\d:]{8} {2}debug {2}small\n[\d:]{8} {2}error {2}large\n$/);
  assert.doesNotMatch(text, /[{}]|pid|level/);
});

test('an error is what it says with its cause, and where it was thrown only on request', () => {
  const fail = (log: pino.Logger): void =>
    log.error({ err: new Error('no room', { cause: new Error('disk full') }) }, 'a record could not be written');
  assert.match(shown(fail), /^\S+ {2}error {2}a record could not be written {2}no room: disk full\n$/);
  assert.match(shown(fail, true), /no room: disk full\nError: no room\n {4}at .*terminal-log/);
});

test('nothing that a stranger wrote moves the cursor, and what is no line of ours stays as it is', () => {
  const text = shown((log) => log.info({ name: 'a\u001b[2K', err: { message: 'b\u001b[1m' } }, 'c\nd'));
  assert.match(text, /c\\u\{a\}d {2}b\\u\{1b\}\[1m {2}name=a\\u\{1b\}\[2K\n$/);
  assert.equal(terminalLine('no JSON\n', false), 'no JSON\n');
  assert.equal(terminalLine('null\n', false), 'null\n');
});

test('a moment is told by 24 hours in every language, and with its date on another day', () => {
  const at = new Date(2026, 10, 21, 18, 5).getTime();
  assert.equal(momentText(at, at + 60_000), '18:05');
  assert.equal(momentText(at, at + 86_400_000), '2026-11-21 18:05');
});
