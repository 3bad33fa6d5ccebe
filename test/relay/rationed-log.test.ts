import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRationedLog } from '../../relay/rationed-log.ts';

const DROPPED = 'a heartbeat was dropped';
const AGAIN = `${DROPPED} (again, within the last minute)`;

/** A rationed log whose minutes end when the test says so, and what came out of it. */
function openLog(mostKinds?: number) {
  const lines: unknown[] = [];
  const at = (level: string) => (fields: Record<string, unknown>, message: string) =>
    void lines.push([level, fields, message]);
  const written = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
  let minute: (() => void) | undefined;
  const later = (run: () => void, ms: number) => {
    assert.equal(ms, 60_000);
    assert.equal(minute, undefined, 'one timer at a time');
    minute = run;
    return () => {
      minute = undefined;
    };
  };
  const log = createRationedLog({ log: written, later, ...(mostKinds === undefined ? {} : { mostKinds }) });
  const endMinute = (): void => {
    const run = minute;
    assert.ok(run, 'no minute is under way');
    minute = undefined;
    run();
  };
  return { log, endMinute, isTiming: () => minute !== undefined, takeLines: () => lines.splice(0) };
}

test('a node that sends one broken beat after another costs a line, and then a count each minute', () => {
  const { log, endMinute, isTiming, takeLines } = openLog();
  for (let sent = 0; sent < 1_000; sent++) log.warn({ node: 'attic', err: sent }, DROPPED);
  log.warn({ node: 'cellar', err: 0 }, DROPPED);
  assert.deepEqual(takeLines(), [
    ['warn', { node: 'attic', err: 0 }, DROPPED],
    ['warn', { node: 'cellar', err: 0 }, DROPPED],
  ]);
  endMinute();
  assert.deepEqual(takeLines(), [['warn', { node: 'attic', times: 999 }, AGAIN]]);

  for (let sent = 0; sent < 500; sent++) log.warn({ node: 'attic', err: sent }, DROPPED);
  log.warn({ node: 'cellar', err: 1 }, DROPPED);
  assert.deepEqual(takeLines(), [['warn', { node: 'cellar', err: 1 }, DROPPED]], 'the attic has had its line');
  endMinute();
  assert.deepEqual(takeLines(), [['warn', { node: 'attic', times: 500 }, AGAIN]]);

  endMinute();
  assert.ok(!isTiming(), 'nothing is left to count');
  log.warn({ node: 'attic', err: 2 }, DROPPED);
  assert.deepEqual(takeLines(), [['warn', { node: 'attic', err: 2 }, DROPPED]], 'it was quiet for a minute');
});

test('whatever else is logged is told ten times in full, and debugging is not rationed', () => {
  const { log, endMinute, takeLines } = openLog();
  for (let i = 0; i < 25; i++) {
    log.debug({ i }, 'a detail');
    log.info({ node: 'attic' }, 'a node joined');
    log.error({ err: i }, 'an answer could not be handled');
    log.warn({ key: 'key_1' }, 'a webhook did not answer well');
  }
  const lines = takeLines() as [string, unknown, string][];
  const countOf = (level: string) => lines.filter(([one]) => one === level).length;
  assert.deepEqual([countOf('debug'), countOf('info'), countOf('error'), countOf('warn')], [25, 10, 10, 10]);
  endMinute();
  assert.deepEqual(takeLines(), [
    ['info', { node: 'attic', times: 15 }, 'a node joined (again, within the last minute)'],
    ['error', { times: 15 }, 'an answer could not be handled (again, within the last minute)'],
    ['warn', { key: 'key_1', times: 15 }, 'a webhook did not answer well (again, within the last minute)'],
  ]);
});

test('whoever comes under ever new names fills neither the memory nor the disk', () => {
  const { log, endMinute, takeLines } = openLog(3);
  for (let i = 0; i < 100; i++) log.warn({ from: `2001:db8::${i}` }, 'a node could not be let in');
  assert.equal(takeLines().length, 3);
  endMinute();
  assert.deepEqual(takeLines(), [
    ['warn', { times: 97 }, 'lines of further kinds were left out within the last minute'],
  ]);
  log.warn({ from: '2001:db8::1' }, 'a node could not be let in');
  assert.equal(takeLines().length, 1, 'there is room again');
});

test('a crowd of strangers hides nothing that the relay says of itself', () => {
  const { log, takeLines } = openLog(3);
  for (let sent = 0; sent < 10; sent++) log.warn({ from: `2001:db8::${sent}` }, DROPPED);
  takeLines();
  log.error({ err: 'full' }, 'the disk is full');
  assert.deepEqual(takeLines(), [['error', { err: 'full' }, 'the disk is full']]);
});

test('what was left out is told when the log ends', () => {
  const { log, isTiming, takeLines } = openLog();
  log.warn({ node: 'attic' }, 'x');
  log.warn({ node: 'attic' }, 'x');
  log.warn({ node: 'cellar' }, 'x');
  log.warn({ node: 'attic', code: 'no_capacity' }, 'x');
  assert.equal(takeLines().length, 3, 'another node, and another code, is another kind');
  log.close();
  assert.deepEqual(takeLines(), [['warn', { node: 'attic', times: 1 }, 'x (again, within the last minute)']]);
  assert.ok(!isTiming());
});
