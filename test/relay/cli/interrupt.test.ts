import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { test } from 'node:test';
import { listenForInterruption } from '../../../relay/cli/interrupt.ts';

function setUp() {
  const signals = new EventEmitter();
  const clock = { now: 1_000 };
  const seen: string[] = [];
  const on = (signal: NodeJS.Signals, listener: (signal: NodeJS.Signals) => void) => signals.on(signal, listener);
  const exit = (code: number) => seen.push(`exit ${code}`);
  const { asked, insisted } = listenForInterruption({ on, exit }, () => clock.now);
  insisted.addEventListener('abort', () => seen.push('insisted'));
  return { asked, seen, clock, send: (signal: NodeJS.Signals) => signals.emit(signal, signal) };
}

test('the first signal asks, and one that says the same again within half a second is the same press', async () => {
  const { asked, seen, clock, send } = setUp();
  send('SIGINT');
  send('SIGINT');
  clock.now += 500;
  send('SIGINT');
  assert.equal(await asked, 'SIGINT');
  assert.deepEqual(seen, []);
});

test('a service manager of Windows, which has no SIGTERM, asks by Ctrl-Break', async () => {
  const { asked, send } = setUp();
  send('SIGBREAK');
  assert.equal(await Promise.race([asked, 'nobody']), 'SIGBREAK');
});

test('who asks again after that ends the process at once, and with it first what would outlive it', async () => {
  const { asked, seen, clock, send } = setUp();
  send('SIGTERM');
  clock.now += 501;
  send('SIGINT');
  assert.equal(await asked, 'SIGTERM');
  assert.deepEqual(seen, ['insisted', 'exit 130']);
});
