/** What an owner says of a download counts also where it cannot be written down, as on the disk that the download has filled. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type BringOptions, createModelDesk } from '../../../shared/downloads/model-desk.ts';
import { Problem } from '../../../shared/problems/problem.ts';
import { collectLog } from '../../support/log.ts';
import { settled } from '../../support/pending-timers.ts';

const ID = 'test/large';

function open(sensed: Promise<void> = Promise.resolve()) {
  const clock = { now: 0 };
  const breakings: ((problem: Problem) => void)[] = [];
  const world = {
    isFull: false,
    wanted: [] as readonly string[],
    paused: [] as readonly string[],
    refusal: undefined as Problem | undefined,
  };
  const asked: BringOptions[] = [];
  const discarded: string[] = [];
  const write = (): void => {
    if (world.isFull) throw new Error('ENOSPC');
  };
  const desk = createModelDesk({
    install: (_id, options) => {
      asked.push(options);
      return new Promise<never>((_, reject) => {
        breakings.push(reject);
        options.signal.addEventListener('abort', () => reject(options.signal.reason));
      });
    },
    discard: async (id) => {
      discarded.push(id);
      await settled();
    },
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
    refusal: () => world.refusal,
    sensed,
    now: () => clock.now,
    onChange: () => undefined,
    log: collectLog(),
  });
  /** The latest attempt fails. */
  const fail = async (problem: Problem): Promise<void> => {
    breakings.at(-1)?.(problem);
    await settled();
  };
  const pass = async (ms: number): Promise<void> => {
    clock.now += ms;
    desk.watchNetwork();
    await settled();
  };
  return { desk, world, asked, discarded, fail, pass };
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

test('a download that is cancelled is forgotten, and no other is', async () => {
  const { desk, world } = open();
  world.wanted = ['test/other'];
  world.paused = ['test/other', ID];
  desk.add(ID);
  await settled();
  await desk.cancel(ID);
  assert.deepEqual([world.wanted, world.paused], [['test/other'], ['test/other']]);
});

test('nobody is asked for anything before it is known whether that may be, and then only if so', async () => {
  const sensed = Promise.withResolvers<void>();
  const { desk, world, asked } = open(sensed.promise);
  desk.add(ID);
  await settled();
  const answers: string[] = [];
  const ask = (): void => {
    asked[0]?.mayAsk().then(
      () => answers.push('yes'),
      (error: Error) => answers.push(error.message),
    );
  };
  ask();
  await settled();
  assert.deepEqual(answers, []);
  world.refusal = new Problem('model_download_failed', 'The network is metered.');
  sensed.resolve();
  await settled();
  world.refusal = undefined;
  ask();
  await settled();
  assert.deepEqual(answers, ['The network is metered.', 'yes']);
});

const LOST = new Problem('model_download_failed', 'The hub could not be reached.', { retryAfterMs: 5_000 });

test('a download whose line is lost tries again by itself, later and later, and soon again once something came', async () => {
  const { desk, asked, fail, pass } = open();
  desk.add(ID);
  await settled();
  for (const waitMs of [5_000, 10_000, 20_000, 40_000, 60_000, 60_000]) {
    await fail(LOST);
    assert.match(desk.downloads()[0]?.problem?.message ?? '', /could not be reached\. .*it is asked again by itself/);
    const before = asked.length;
    await pass(waitMs - 1);
    assert.equal(asked.length, before, `it asked again before ${waitMs} ms`);
    await pass(1);
    assert.equal(asked.length, before + 1);
    assert.equal(desk.downloads()[0]?.problem, null);
  }
  asked.at(-1)?.onProgress({ model: ID, file: 'config.json', loadedBytes: 10, totalBytes: 20 });
  await fail(LOST);
  await pass(5_000);
  assert.equal(asked.length, 8);
});

test('a download that was refused waits for its owner, who may try again before the time, too', async () => {
  const { desk, asked, fail, pass } = open();
  desk.add(ID);
  await settled();
  await fail(new Problem('model_download_failed', 'Its licence must be accepted first.'));
  assert.equal(desk.downloads()[0]?.problem?.message, 'Its licence must be accepted first.');
  await pass(3_600_000);
  assert.equal(asked.length, 1);
  desk.add(ID);
  await settled();
  await fail(LOST);
  desk.add(ID);
  await settled();
  assert.equal(asked.length, 3);
  await pass(60_000);
  assert.equal(asked.length, 3, 'one download of a model runs at a time');
});

test('a download that was cancelled while it waited for its line is not tried again', async () => {
  const { desk, asked, discarded, fail, pass } = open();
  desk.add(ID);
  await settled();
  await fail(LOST);
  const cancelled = desk.cancel(ID);
  await pass(60_000);
  await cancelled;
  await pass(60_000);
  assert.deepEqual([asked.length, discarded, desk.downloads()], [1, [ID], []]);
});
