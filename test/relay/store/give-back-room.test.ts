import assert from 'node:assert/strict';
import { test } from 'node:test';
import { giveBackRoom } from '../../../relay/store/give-back-room.ts';
import { until } from '../../support/until.ts';

const log = { error: assert.fail } as never;

test('room is given back step by step until there is no more', async () => {
  const asked: number[] = [];
  const giveBack = async (bytes: number): Promise<boolean> => asked.push(bytes) < 4;
  const stop = giveBackRoom({ store: { giveBack }, log, restMs: 0 });
  await until(() => asked.length === 4);
  await stop();
  assert.deepEqual(new Set(asked), new Set([2 * 1024 * 1024]));
});

test('a relay that ends does not wait until all room is given back', async () => {
  let asked = 0;
  const giveBack = async (): Promise<boolean> => ++asked > 0;
  const stop = giveBackRoom({ store: { giveBack }, log, restMs: 3_600_000 });
  await until(() => asked === 1);
  await stop();
  assert.equal(asked, 1);
});
