/** A node whose clock is not that of its relay, sleeps, or is set. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AgentLog } from '../../../shared/agent/log.ts';
import { collectLog } from '../../support/log.ts';
import { openScriptedAgent, startScriptedAgent } from '../../support/nodes/scripted-agent.ts';
import { settled } from '../../support/pending-timers.ts';

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
/** What the relay's clock shows in these tests. */
const RELAY_MS = 1_790_000_000_000;

const LIFETIME_MS = 6 * MINUTE_MS;

/** Credentials for six minutes from `issuedAt`, by the relay's clock. */
function credentials(issuedAt: number): { jwt: string; expiresAt: number } {
  const iat = issuedAt / SECOND_MS;
  const body = Buffer.from(JSON.stringify({ iat })).toString('base64url');
  return { jwt: `e30.${body}.c2ln`, expiresAt: iat + LIFETIME_MS / SECOND_MS };
}

for (const { name, skewMs, said } of [
  { name: 'two days ahead', skewMs: 2 * DAY_MS, said: /2 days ahead of the relay's/ },
  { name: 'an hour behind', skewMs: -HOUR_MS, said: /60 minutes behind the relay's/ },
  { name: 'ten years ahead', skewMs: 3_650 * DAY_MS, said: /3650 days ahead of/ },
]) {
  test(`[P19] a node whose clock is ${name} says so, connects to no bus, and joins once it is set`, async (t) => {
    const { relay, clock, log, pass } = startScriptedAgent(t);
    clock.now = RELAY_MS + skewMs;
    (await relay.enrolments.next()).accept(credentials(RELAY_MS));
    await settled();
    const told = log.lines.filter((line) => line.includes('Set the one that is wrong'));
    assert.equal(told.length, 1);
    assert.match(told[0] ?? '', said);
    assert.equal(relay.lines.all.length, 0);
    clock.now = RELAY_MS;
    await pass(250);
    (await relay.enrolments.next()).accept(credentials(RELAY_MS));
    await relay.lines.next();
  });
}

test('[P19] credentials are renewed after two thirds of the life that the relay gave them, whatever the own clock shows', async (t) => {
  const { relay, clock, pass } = startScriptedAgent(t);
  clock.now = RELAY_MS + 4 * MINUTE_MS;
  (await relay.enrolments.next()).accept(credentials(RELAY_MS));
  (await relay.lines.next()).accept();
  await settled();
  await pass(LIFETIME_MS * (2 / 3) - 1);
  assert.equal(relay.enrolments.all.length, 1, 'it asked before their time');
  await pass(1);
  assert.equal(relay.enrolments.all.length, 2);
});

for (const { name, leapMs } of [
  { name: 'a machine that slept for a night', leapMs: 8 * HOUR_MS },
  { name: 'a clock that was set back by a day', leapMs: -DAY_MS },
]) {
  test(`[P19] credentials are renewed at once after ${name}, for nobody knows how old they are`, async (t) => {
    const { relay, clock, pass } = await openScriptedAgent(t);
    clock.now += leapMs;
    await pass(5 * SECOND_MS);
    assert.equal(relay.enrolments.all.length, 2);
    await pass(5 * SECOND_MS);
    assert.equal(relay.enrolments.all.length, 2, 'it asks while it asks');
  });
}

test('[P19] a clock that was set wrong while the node worked is told when the relay is asked', async (t) => {
  const reasons: unknown[] = [];
  const warn: AgentLog['warn'] = ({ reason }) => void reasons.push(reason);
  const { relay, clock, pass } = startScriptedAgent(t, { log: { ...collectLog(), warn } });
  clock.now = RELAY_MS;
  (await relay.enrolments.next()).accept(credentials(RELAY_MS));
  (await relay.lines.next()).accept();
  await settled();
  clock.now += DAY_MS;
  await pass(5 * SECOND_MS);
  (await relay.enrolments.next()).accept(credentials(RELAY_MS + 5 * SECOND_MS));
  await settled();
  assert.match(String(reasons[0]), /24 hours ahead of the relay's/);
});
