import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lookUntil } from '../../../../relay/cli/client/look-until.ts';
import { Problem } from '../../../../shared/problems/problem.ts';
import { isProblem } from '../../../support/problems.ts';

const MINUTE_MS = 60_000;
const away = () => new Problem('relay_unreachable', 'No relay answers.');

/** Looks once a minute, at what is seen then; the last stays. */
function watched(seen: (string | Problem)[]) {
  const told: string[] = [];
  let minute = 0;
  const look = async (): Promise<string> => {
    const now = seen[Math.min(minute, seen.length - 1)] ?? '';
    if (now instanceof Problem) throw now;
    return now;
  };
  const end = lookUntil(look, (state) => state === 'done', {
    everyMs: MINUTE_MS,
    onAway: ({ code }) => told.push(code),
    now: () => minute * MINUTE_MS,
    rest: async () => void minute++,
  });
  return { end, told, minutes: () => minute };
}

test('who waits goes on when the relay was away, and is told once each time', async () => {
  const { end, told, minutes } = watched(['busy', away(), away(), 'busy', new Problem('draining', 'x'), 'done']);
  assert.equal(await end, 'done');
  assert.deepEqual([told, minutes()], [['relay_unreachable', 'draining'], 5]);
});

test('a relay that stays away for ten minutes is told', async () => {
  const { end, told, minutes } = watched(['busy', away()]);
  await assert.rejects(end, isProblem('relay_unreachable', /No relay answers/));
  assert.deepEqual([told.length, minutes()], [1, 12]);
});

test('what trying again does not help ends the wait at once', async () => {
  const { end, minutes } = watched(['busy', new Problem('batch_not_found', 'There is none.')]);
  await assert.rejects(end, isProblem('batch_not_found', /none/));
  assert.equal(minutes(), 1);
});
