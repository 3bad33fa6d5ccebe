import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { uploadOf } from '../../../../relay/routes/http/uploads.ts';
import { isProblem } from '../../../support/problems.ts';

const LIMITS = { stallMs: 20 };
const requestOf = (body: Readable) => ({ raw: Object.assign(body, { complete: true }) as unknown as IncomingMessage });

test('time that the relay takes for what came is not held against the client', async () => {
  const read: string[] = [];
  for await (const chunk of uploadOf(requestOf(Readable.from([Buffer.from('a'), Buffer.from('b')])), LIMITS)) {
    await new Promise((resolve) => setTimeout(resolve, 2 * LIMITS.stallMs));
    read.push(Buffer.from(chunk).toString());
  }
  assert.deepEqual(read, ['a', 'b']);
});

test('a client of whom nothing comes is told so, and its connection is left for the answer', async () => {
  const body = new Readable({ read: () => undefined });
  await assert.rejects(uploadOf(requestOf(body), LIMITS).next(), isProblem('request_timeout', /20 ms/));
  assert.equal(body.destroyed, false);
});
