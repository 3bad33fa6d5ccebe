import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { after, type TestContext, test } from 'node:test';
import { LIMITS } from '../../shared/protocol/limits.ts';
import { afterTest } from '../support/after-test.ts';
import { dial, requestBytes } from '../support/network/raw-http.ts';
import { type ScriptedJob, vectorsFrame } from '../support/nodes/scripted-node.ts';
import { startPool, startTestPool } from '../support/pool.ts';
import { joinNodes } from '../support/scripted-pool.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/** Longer than a busy machine keeps this process, which is both sides, from its turn. */
const UNREAD_MS = 300;
const DIMENSIONS = 1_024;
const INPUTS = LIMITS.vectorsPerFrame * 16;

const pool = await startPool({ unreadMs: UNREAD_MS });
after(() => pool.close());

/** Asks for vectors over a socket that nobody reads from yet. As numbers they are more than any kernel buffers. */
async function askWithoutReading(t: TestContext): Promise<{ socket: Socket; job: ScriptedJob }> {
  const { model, nodes } = await joinNodes(t, pool, 1, { type: 'embed' });
  const socket = dial(pool).pause();
  afterTest(t, () => void socket.destroy());
  const body = JSON.stringify({ model, input: new Array<string>(INPUTS).fill('x') });
  const headers = ['Content-Type: application/json'];
  socket.write(requestBytes(pool, { method: 'POST', path: '/v1/embeddings', headers, body }));
  const job = await nodes[0].jobs.next();
  job.send({ type: 'accepted' });
  return { socket, job };
}

function answer(job: ScriptedJob): void {
  const count = LIMITS.vectorsPerFrame;
  for (let start = 0; start < INPUTS; start += count) {
    job.send(vectorsFrame(start, count, DIMENSIONS, count * DIMENSIONS, 0.1));
  }
  job.done();
}

test('an answer that its client does not read is not kept for ever', async (t) => {
  const { socket, job } = await askWithoutReading(t);
  answer(job);
  const cut = new Promise<NodeJS.ErrnoException>((resolve) => socket.once('error', resolve));
  // The end of the other side comes behind what was not read; only an answer to something sent tells of it before.
  const knocking = setInterval(() => socket.write('\r\n'), 2 * UNREAD_MS);
  const { code } = await cut.finally(() => clearInterval(knocking));
  assert.match(code ?? '', /ECONNRESET|EPIPE/);
});

test('an answer that took its time is whole for a client that reads it', async (t) => {
  const { socket, job } = await askWithoutReading(t);
  // Not for the test to succeed, but for it to fail if the limit counted from the request.
  await new Promise((resolve) => setTimeout(resolve, 2 * UNREAD_MS));
  answer(job);
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString('utf8');
  const { data } = JSON.parse(text.slice(text.indexOf('\r\n\r\n'))) as { data: { embedding: number[] }[] };
  assert.equal(data.length, INPUTS);
  assert.ok(data.every(({ embedding }) => embedding.length === DIMENSIONS));
});

test('a stranger who reads nothing of a large page of the relay is cut off, too', async (t) => {
  const pagesFolder = temporaryFolder(t);
  // More than the buffers of two sockets take.
  const assets = join(pagesFolder, 'assets');
  mkdirSync(assets);
  writeFileSync(join(assets, 'engine-1a2b.wasm'), Buffer.alloc(32 * 1024 * 1024));
  const own = await startTestPool(t, { unreadMs: UNREAD_MS, pagesFolder });
  const socket = dial(own).pause();
  afterTest(t, () => void socket.destroy());
  socket.write('GET /assets/engine-1a2b.wasm HTTP/1.1\r\nHost: relay\r\n\r\n');
  const cut = new Promise<NodeJS.ErrnoException>((resolve) => socket.once('error', resolve));
  const knocking = setInterval(() => socket.write('\r\n'), 2 * UNREAD_MS);
  const { code } = await cut.finally(() => clearInterval(knocking));
  assert.match(code ?? '', /ECONNRESET|EPIPE/);
});
