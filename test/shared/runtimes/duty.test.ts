import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createDuty, type Duty } from '../../../shared/runtimes/duty.ts';
import { createTurns } from '../../../shared/runtimes/kernels/turns.ts';

/** A worker by a clock that only its passes and rests move; a rest ends where it is cut short. */
function workerOf(percent: number) {
  let now = 1_000;
  const advance = (ms: number): void => {
    now += ms;
  };
  const rests: number[] = [];
  const duty = createDuty({
    clock: () => now,
    sleep: async (ms) => {
      rests.push(ms);
      now += ms;
    },
  });
  duty.limit(percent);
  const pass = (ms: number) =>
    duty.pass(async () => {
      now += ms;
    });
  return { duty, pass, rests, now: () => now, idle: advance };
}

/** How much of the time it takes to run `count` passes of so many milliseconds is spent in them. */
async function shareOf(percent: number, passMs: number): Promise<number> {
  // What is owed at the end is small beside the whole.
  const count = Math.max(400, 2_000 / passMs);
  const { pass, now } = workerOf(percent);
  const began = now();
  for (let done = 0; done < count; done++) await pass(passMs);
  return (count * passMs) / (now() - began);
}

test('passes take the wanted part of the time, however long they are', async () => {
  for (const percent of [10, 33, 50, 90]) {
    for (const passMs of [0.4, 3, 40, 900]) {
      const share = await shareOf(percent, passMs);
      assert.ok(Math.abs(share - percent / 100) < 0.01, `${percent} % of passes of ${passMs} ms were ${share}`);
    }
  }
});

test('rests are as short as the steps are: spread, and never saved up', async () => {
  const { pass, rests } = workerOf(50);
  for (let done = 0; done < 100; done++) await pass(30);
  assert.ok(rests.length > 95);
  assert.ok(Math.max(...rests) <= 40, `${Math.max(...rests)} ms`);
  const quick = workerOf(50);
  for (let done = 0; done < 1_000; done++) await quick.pass(0.5);
  assert.ok(Math.max(...quick.rests) < 20 && Math.min(...quick.rests) >= 8, 'a timer is no finer');
});

test('without a limit nothing is rested, and passes are not put in line', async () => {
  const { duty, rests, pass } = workerOf(100);
  await pass(5_000);
  let running = 0;
  let most = 0;
  const slow = async () => {
    running += 1;
    most = Math.max(most, running);
    await Promise.resolve();
    running -= 1;
  };
  await Promise.all([duty.pass(slow), duty.pass(slow)]);
  assert.equal(most, 2);
  duty.limit(50);
  most = 0;
  await Promise.all([duty.pass(slow), duty.pass(slow)]);
  assert.equal(most, 1, 'two at once would compute while the worker rests');
  assert.deepEqual(rests, []);
});

test('a limit that is lifted ends the rest and what was owed, and idle time is rest', async () => {
  const lifted = workerOf(10);
  await lifted.pass(1_000);
  lifted.duty.limit(100);
  lifted.duty.limit(50);
  await lifted.pass(10);
  assert.deepEqual(lifted.rests, []);
  const idle = workerOf(50);
  await idle.pass(1_000);
  idle.idle(1_000);
  await idle.pass(1_000);
  assert.deepEqual(idle.rests, []);
});

test('whoever waits for the end of a job waits for no rest, and what is left of it comes later', async () => {
  let now = 0;
  const slept: number[] = [];
  const asleep = Promise.withResolvers<void>();
  const duty = createDuty({
    clock: () => now,
    sleep: async (ms, signal) => {
      slept.push(ms);
      if (slept.length > 1) {
        now += ms;
        return;
      }
      asleep.resolve();
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    },
  });
  duty.limit(50);
  const pass = () =>
    duty.pass(async () => {
      now += 100;
    });
  await pass();
  const hurried = pass();
  await asleep.promise;
  const calm = duty.hurry();
  await hurried;
  await pass();
  assert.deepEqual(slept, [100], 'and for none after it, until the job has ended');
  calm();
  await pass();
  assert.deepEqual(slept, [100, 300]);
});

test('a pass that fails is paid for, and takes no other with it', async () => {
  const { duty, pass, rests, idle } = workerOf(50);
  const failing = duty.pass(async () => {
    idle(100);
    throw new Error('no memory');
  });
  await assert.rejects(failing, /no memory/);
  await pass(10);
  assert.deepEqual(rests, [100]);
});

test('its clock stands still while it rests, so that measured passes are as fast as they are', async () => {
  const { duty, pass } = workerOf(10);
  const began = duty.now();
  for (let done = 0; done < 10; done++) await pass(20);
  assert.equal(duty.now() - began, 200);
});

test('kernels on the processor rest between their slices', async () => {
  const { duty, rests, now, idle } = workerOf(25);
  const turns = createTurns(() => false, now, duty);
  for (let step = 0; step < 10; step++) {
    idle(25);
    await turns.next();
  }
  assert.deepEqual(rests, new Array(10).fill(75));
});

test('a timer that wakes late costs its owner nothing, and gives no leave to catch up without end', async () => {
  let now = 0;
  const advance = async (ms: number): Promise<void> => {
    now += ms;
  };
  const duty = createDuty({ clock: () => now, sleep: (ms) => advance(ms + 4) });
  duty.limit(50);
  const shareOfPasses = async (count: number): Promise<number> => {
    const began = now;
    for (let done = 0; done < count; done++) await duty.pass(() => advance(20));
    return (count * 20) / (now - began);
  };
  const share = await shareOfPasses(100);
  assert.ok(share <= 0.51 && share > 0.49, `${share}`);
  await advance(10_000);
  assert.ok((await shareOfPasses(10)) <= 0.55, 'a night of rest is no store of work');
});

test('of jobs that rest at the same time all go on when somebody waits for the end of one, or the limit is lifted', () => {
  for (const wake of [(duty: Duty) => duty.hurry(), (duty: Duty) => duty.limit(100)]) {
    let asleep = 0;
    const duty = createDuty({
      clock: () => 0,
      sleep: async (_, signal) => {
        asleep += 1;
        signal.addEventListener('abort', () => (asleep -= 1));
      },
    });
    duty.limit(50);
    for (const began of [-100, -200]) void duty.restAfter(began);
    assert.equal(asleep, 2);
    wake(duty);
    assert.equal(asleep, 0);
  }
});
