/** What a node does while its line to the relay is lost and not found again. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openScriptedAgent } from '../../support/nodes/scripted-agent.ts';
import { settled } from '../../support/pending-timers.ts';
import type { ScriptedRelay } from '../../support/scripted-relay.ts';

const LOOK_AFTER_MS = 20_000;

/** That of the session was the first. */
const asked = (relay: ScriptedRelay): number => relay.enrolments.all.length - 1;

test('[P20] a relay that lets the node in, and no longer on the line of before, gets another', async (t) => {
  const { line, relay, pass } = await openScriptedAgent(t);
  line.down();
  await pass(LOOK_AFTER_MS - 1);
  assert.equal(asked(relay), 0);
  await pass(1);
  (await relay.enrolments.next()).accept();
  await settled();
  assert.equal(line.isClosed, true);
  await pass(250);
  (await relay.enrolments.next()).accept({ jwt: 'jwt-2' });
  assert.equal((await relay.lines.next()).options.jwt(), 'jwt-2');
});

test('[P20] a line that is found in time is left alone, and asked about anew when it is lost again', async (t) => {
  const { line, relay, pass } = await openScriptedAgent(t);
  line.down();
  await pass(LOOK_AFTER_MS - 1);
  line.up();
  await pass(LOOK_AFTER_MS);
  assert.equal(asked(relay), 0);
  line.down();
  await pass(LOOK_AFTER_MS);
  const late = await relay.enrolments.next();
  line.up();
  late.accept();
  await settled();
  assert.equal(line.isClosed, false, 'it came back while the relay was asked');
});

test('[P20] what a relay has against the node is told once, and ends nothing while its line is sought', async (t) => {
  const { agent, line, relay, pass, log } = await openScriptedAgent(t);
  line.down();
  for (const expected of [0, 1, 1]) {
    await pass(LOOK_AFTER_MS);
    const enrolment = await relay.enrolments.next();
    if (expected === 0) enrolment.fail(new TypeError('Failed to fetch'));
    else enrolment.refuse(403, 'relay_identity_changed', 'Another relay answers. Start the node with --pair.');
    await settled();
    const told = log.lines.filter((text) =>
      text.includes('Another relay answers. Start the node with --pair. This node'),
    );
    assert.equal(told.length, expected, log.lines.join('\n'));
    assert.equal(agent.trouble()?.code, expected === 0 ? undefined : 'relay_identity_changed');
  }
  assert.equal(await Promise.race([agent.ended, settled().then(() => 'goes on')]), 'goes on');
  assert.equal(line.isClosed, false);
});
