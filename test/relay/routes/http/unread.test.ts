import assert from 'node:assert/strict';
import { Duplex } from 'node:stream';
import { type TestContext, test } from 'node:test';
import type { FastifyReply } from 'fastify';
import { cutIfUnread } from '../../../../relay/routes/http/unread.ts';

const UNREAD_MS = 1_000;
const MIB = 1024 * 1024;

/** An answer of which so much waits for a reader who takes a little now and then: none of its pauses is too long. */
function answerWaiting(t: TestContext, bytes: number): Duplex {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const raw = new Duplex({ read: () => undefined, write: () => undefined, writableHighWaterMark: MIB });
  raw.write(Buffer.alloc(bytes));
  const reply = { raw: Object.assign(raw, { setTimeout: () => undefined }), server: { unreadMs: UNREAD_MS } };
  cutIfUnread(reply as unknown as FastifyReply);
  return raw;
}

test('a reader who takes an answer drop by drop has a while for each MiB, and no longer', (t) => {
  const raw = answerWaiting(t, 2 * MIB);
  t.mock.timers.tick(3 * UNREAD_MS - 1);
  assert.equal(raw.destroyed, false);
  t.mock.timers.tick(1);
  assert.equal(raw.destroyed, true);
});

test('an answer that was read whole leaves its connection alone', (t) => {
  const raw = answerWaiting(t, 2 * MIB);
  raw.emit('close');
  t.mock.timers.tick(10 * UNREAD_MS);
  assert.equal(raw.destroyed, false);
});
