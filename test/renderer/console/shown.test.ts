import assert from 'node:assert/strict';
import { test } from 'node:test';
import { speechOf } from '../../../renderer/console/speech.ts';
import { shownIn } from '../../../renderer/language/shown.ts';

const { show, texts } = speechOf('en');
const MINUTE_MS = 60_000;

test('a duration has no sixtieth second, no sixtieth minute and no thousandth millisecond', () => {
  assert.equal(show.duration(999.6), '1 s');
  assert.equal(show.duration(59_940), '59.9 s');
  assert.equal(show.duration(59_970), '1 min 0 s');
  assert.equal(show.duration(2 * MINUTE_MS - 300), '2 min 0 s');
  assert.equal(show.duration(90 * MINUTE_MS), '1 h 30 min');
  assert.equal(show.duration(null), '—');
});

test('a time that is nearly an hour or a day ago is told as one, and a size in the unit in which it is below a thousand', () => {
  assert.equal(show.ago(0, 59.6 * MINUTE_MS), '1 hr. ago');
  assert.equal(show.ago(0, 23.8 * 60 * MINUTE_MS), 'yesterday');
  assert.equal(show.ago(0, 29_000), '29 sec. ago');
  assert.equal(show.bytes(999_960), '1 MB');
  assert.equal(show.bytes(999_940), '999.9 kB');
  assert.equal(shownIn('en').bytes(999_960_000), '1 GB');
  assert.equal(show.bytes(1_500), '1.5 kB');
});

test('one of anything is told in the singular', () => {
  const { nodes, keys, overview, receipts } = texts;
  assert.deepEqual(
    [nodes.shown(1, 1), nodes.shown(0, 1), nodes.shown(1, 2)],
    ['1 node', '0 of 1 node', '1 of 2 nodes'],
  );
  assert.equal(keys.requestsOf('1'), '1 request a minute');
  assert.equal(keys.creditsOf('2'), 'may owe 2 credits');
  assert.equal(overview.usedBy('1', '12'), '1 job, 12 tokens');
  assert.equal(receipts.sound('1'), 'The only receipt and the log are sound.');
});

test('what is over is never told as something to come', () => {
  assert.equal(show.since(12_000, 10_000), 'now');
  assert.equal(show.since(7_000, 10_000), '3 sec. ago');
  assert.equal(show.since(null, 10_000), '—');
  assert.equal(show.ago(12_000, 10_000), 'in 2 sec.');
});
