import assert from 'node:assert/strict';
import { Duplex } from 'node:stream';
import { test } from 'node:test';
import { createHeldBytes } from '../../../relay/access/held-bytes.ts';

const LARGE = 100_000;
const refusal = { code: 'queue_full', retryAfterMs: 1_000 };

function holder(): Duplex {
  return new Duplex({ read: () => undefined });
}

async function close(...holders: Duplex[]): Promise<void> {
  for (const one of holders) {
    const closed = new Promise((resolve) => one.once('close', resolve));
    one.destroy();
    await closed;
  }
}

test('a key holds no more than it may, others are not held up by it, and what has gone makes room', async () => {
  const bytes = createHeldBytes(3 * LARGE);
  const [first, second, third] = [holder(), holder(), holder()];
  bytes.hold('key_a', LARGE, first);
  bytes.hold('key_a', 2 * LARGE, second);
  assert.throws(() => bytes.hold('key_a', LARGE, third), refusal);
  bytes.hold('key_b', 3 * LARGE, third);
  await close(first);
  bytes.hold('key_a', LARGE, holder());
  assert.throws(() => bytes.hold('key_a', LARGE, holder()), refusal);
  await close(second);
  bytes.hold('key_a', 2 * LARGE, holder());
});

test('what was refused, has gone already, or is small holds nothing', async () => {
  const bytes = createHeldBytes(LARGE);
  const gone = holder();
  await close(gone);
  bytes.hold('key_a', LARGE, gone);
  const refused = holder();
  assert.throws(() => bytes.hold('key_a', LARGE + 1, refused), refusal);
  const whole = holder();
  bytes.hold('key_a', LARGE, whole);
  bytes.hold('key_a', 1_000, holder());
  await close(refused);
  assert.throws(() => bytes.hold('key_a', LARGE, holder()), refusal);
  await close(whole);
  bytes.hold('key_a', LARGE, holder());
});

test('what several readers of a key hold together counts once, until the last of them has gone', async () => {
  const bytes = createHeldBytes(2 * LARGE);
  const [one, other] = [{}, {}];
  const [first, second, third] = [holder(), holder(), holder()];
  for (const reader of [first, second]) bytes.hold('key_a', LARGE, reader, one);
  bytes.hold('key_a', LARGE, third, other);
  assert.throws(() => bytes.hold('key_a', LARGE, holder(), {}), refusal);
  bytes.hold('key_b', 2 * LARGE, holder(), one);
  await close(first);
  assert.throws(() => bytes.hold('key_a', LARGE, holder(), {}), refusal);
  await close(second);
  bytes.hold('key_a', LARGE, holder(), {});
});
