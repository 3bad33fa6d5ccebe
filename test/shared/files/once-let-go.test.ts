import assert from 'node:assert/strict';
import { test } from 'node:test';
import { onceLetGo } from '../../../shared/files/once-let-go.ts';

/** A step that the system refuses so many times; tells how often it was taken and how long was waited. */
async function refused(platform: string, code: string, times: number) {
  const seen = { steps: 0, waitedMs: 0 };
  const step = async (): Promise<void> => {
    seen.steps += 1;
    if (seen.steps <= times) throw Object.assign(new Error(code), { code });
  };
  const pause = async (ms: number): Promise<void> => {
    seen.waitedMs += ms;
  };
  const outcome = await onceLetGo(platform, step, pause).then(
    () => 'done',
    (error: Error) => error.message,
  );
  return { outcome, ...seen };
}

test('on Windows a file that another program has open is renamed once that lets go', async () => {
  for (const code of ['EPERM', 'EACCES', 'EBUSY']) {
    assert.deepEqual(await refused('win32', code, 3), { outcome: 'done', steps: 4, waitedMs: 70 });
  }
});

test('one that is never let go is told as the system tells it, after two and a half seconds', async () => {
  const { outcome, waitedMs } = await refused('win32', 'EPERM', Number.POSITIVE_INFINITY);
  assert.deepEqual({ outcome, waitedMs }, { outcome: 'EPERM', waitedMs: 2_550 });
});

test('what no waiting mends is told at once, and elsewhere everything is', async () => {
  assert.deepEqual(await refused('win32', 'ENOSPC', 1), { outcome: 'ENOSPC', steps: 1, waitedMs: 0 });
  assert.deepEqual(await refused('linux', 'EPERM', 1), { outcome: 'EPERM', steps: 1, waitedMs: 0 });
  assert.deepEqual(await refused('darwin', 'EBUSY', 1), { outcome: 'EBUSY', steps: 1, waitedMs: 0 });
});
