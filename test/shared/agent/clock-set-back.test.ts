/** A node whose clock is set back while it works. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { messageReader } from '../../../shared/protocol/codec.ts';
import { Frame } from '../../../shared/protocol/messages.ts';
import { openScriptedAgent } from '../../support/nodes/scripted-agent.ts';
import { settled } from '../../support/pending-timers.ts';

const HOUR_MS = 3_600_000;
const readFrame = messageReader(Frame, 'frame');

test('[J7] an answer that was given in spite of it is one that the relay can read, with the time that was seen to pass', async (t) => {
  const totals: number[] = [];
  const witness = {
    began: () => undefined,
    produced: () => undefined,
    ended: (_job: unknown, { totalMs }: { totalMs: number }) => void totals.push(totalMs),
  };
  const { start, clock } = await openScriptedAgent(t, { witness });
  clock.now = 10 * HOUR_MS;
  const job = await start();
  clock.now += 30;
  job.run.output.text('a', 1);
  clock.now -= HOUR_MS;
  job.run.output.text('b', 1);
  clock.now += 20;
  job.run.finish({ usage: { inputTokens: 1, outputTokens: 2 } });
  await settled();
  const done = readFrame(new TextEncoder().encode(JSON.stringify(job.frames.at(-1))));
  assert.ok(done.type === 'done');
  assert.deepEqual(done.timings, { firstTokenMs: 30, totalMs: 50 });
  assert.deepEqual(totals, [50]);
});
