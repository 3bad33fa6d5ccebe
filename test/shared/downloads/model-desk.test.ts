/** What an owner says of a download counts also where it cannot be written down, as on the disk that the download has filled. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type BringOptions, createModelDesk } from '../../../shared/downloads/model-desk.ts';
import { collectLog } from '../../support/log.ts';
import { settled } from '../../support/pending-timers.ts';

const ID = 'test/large';

function open() {
  const world = { isFull: false, wanted: [] as readonly string[], paused: [] as readonly string[] };
  const asked: BringOptions[] = [];
  const discarded: string[] = [];
  const write = (): void => {
    if (world.isFull) throw new Error('ENOSPC');
  };
  const desk = createModelDesk({
    install: (_id, options) => {
      asked.push(options);
      return new Promise<never>((_, reject) => {
        options.signal.addEventListener('abort', () => reject(options.signal.reason));
      });
    },
    discard: async (id) => void discarded.push(id),
    runtime: { addModel: () => undefined, removeModel: () => undefined, listModels: () => [] },
    wanted: () => world.wanted,
    // As the settings: a change counts, and what the disk says is told.
    keepWanted: (models) => {
      world.wanted = models;
      write();
    },
    paused: () => world.paused,
    keepPaused: (ids) => {
      world.paused = ids;
      write();
    },
    quotaBytes: () => undefined,
    refusal: () => undefined,
    sensed: Promise.resolve(),
    now: () => 0,
    onChange: () => undefined,
    log: collectLog(),
  });
  return { desk, world, asked, discarded };
}

test('a download stops when it is paused, and is told as paused', async () => {
  const { desk, world, asked } = open();
  desk.add(ID);
  await settled();
  world.isFull = true;
  assert.throws(() => desk.pause(ID), /ENOSPC/);
  assert.equal(asked[0]?.signal.aborted, true);
  assert.equal(desk.downloads()[0]?.isPaused, true);
});

test('a download stops when it is cancelled, and leaves nothing', async () => {
  const { desk, world, asked, discarded } = open();
  desk.add(ID);
  await settled();
  world.isFull = true;
  await assert.rejects(desk.cancel(ID), /ENOSPC/);
  assert.equal(asked[0]?.signal.aborted, true);
  assert.deepEqual([discarded, desk.downloads(), world.wanted], [[ID], [], []]);
});
