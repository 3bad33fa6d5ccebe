import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { createOperatorSessions, SESSION_LIFETIME_MS } from '../../../relay/access/operator-sessions.ts';
import { T0 } from '../store/store-records.ts';

function setUp() {
  const clock = { now: T0 };
  const sessions = createOperatorSessions({ now: () => clock.now, randomBytes });
  const ended: number[] = [];
  sessions.onEnd(({ expiresAt }) => ended.push(expiresAt));
  return { clock, sessions, ended };
}

test('a session is found by its secret alone, until it has lasted its time', () => {
  const { clock, sessions } = setUp();
  const { secret, expiresAt } = sessions.open();
  assert.equal(expiresAt, T0 + SESSION_LIFETIME_MS);
  assert.equal(sessions.find(`${secret}x`), undefined);
  clock.now = expiresAt - 1;
  assert.equal(sessions.find(secret)?.expiresAt, expiresAt);
  clock.now = expiresAt;
  assert.equal(sessions.find(secret), undefined);
});

test('the end of a session is told once, and others go on', () => {
  const { sessions, ended } = setUp();
  const [first, second] = [sessions.open(), sessions.open()];
  assert.notEqual(first.secret, second.secret);
  for (let times = 0; times < 2; times += 1) sessions.end(first.secret);
  assert.deepEqual(ended, [first.expiresAt]);
  assert.equal(sessions.find(first.secret), undefined);
  assert.ok(sessions.find(second.secret));
});

test('of more than a hundred sessions the oldest makes room, and those that have run out go first', () => {
  const { clock, sessions, ended } = setUp();
  const opened = Array.from({ length: 101 }, () => {
    clock.now += 1;
    return sessions.open();
  });
  assert.deepEqual(
    opened.map(({ secret }) => sessions.find(secret) !== undefined),
    [false, ...Array(100).fill(true)],
  );
  assert.deepEqual(ended, [opened[0]?.expiresAt]);
  clock.now = opened[50]?.expiresAt ?? 0;
  sessions.open();
  assert.equal(ended.length, 51);
  assert.ok(opened.slice(51).every(({ secret }) => sessions.find(secret) !== undefined));
});
