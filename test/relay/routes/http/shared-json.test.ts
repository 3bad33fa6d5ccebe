import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import Fastify from 'fastify';
import { createHeldBytes } from '../../../../relay/access/held-bytes.ts';
import {
  createTurns,
  type JsonBody,
  sendBody,
  shareJson,
  writeJson,
} from '../../../../relay/routes/http/shared-json.ts';
import { afterTest } from '../../../support/after-test.ts';
import { countTurns } from '../../../support/turns.ts';

/** More than the buffers of two sockets take. */
const LARGE = { list: Array.from({ length: 20_000 }, () => 'x'.repeat(1_000)) };
/** Longer than a busy machine keeps this process, which is both sides, from its turn. */
const UNREAD_MS = 300;

async function serve(t: TestContext, body: JsonBody, unreadMs = 60_000): Promise<number> {
  const app = Fastify({ forceCloseConnections: true });
  app.decorate('unreadMs', unreadMs);
  app.decorate('heldBytes', createHeldBytes());
  app.get('/', async (_request, reply) => sendBody(reply, body));
  await app.listen({ host: '127.0.0.1', port: 0 });
  afterTest(t, () => app.close());
  return (app.server.address() as AddressInfo).port;
}

test('what many ask for at once is written down once for those who came first, and once for all others', async () => {
  let made = 0;
  const read = shareJson(async () => ({ number: ++made }));
  const bodies = await Promise.all(Array.from({ length: 50 }, read));
  assert.equal(made, 2);
  assert.equal(new Set(bodies).size, 2);
  assert.equal(String(bodies[49]?.pieces[0]), '{"number":2}');
});

test('readers of one body each get all of it, however many they are', async (t) => {
  const port = await serve(t, await writeJson(LARGE));
  const texts = await Promise.all(
    Array.from({ length: 5 }, async () => {
      const answer = await fetch(`http://127.0.0.1:${port}/`);
      assert.equal(answer.headers.get('content-type'), 'application/json; charset=utf-8');
      return answer.text();
    }),
  );
  for (const text of texts) assert.equal(text, JSON.stringify(LARGE));
  const head = await fetch(`http://127.0.0.1:${port}/`, { method: 'HEAD' });
  assert.deepEqual([head.status, await head.text()], [200, '']);
});

test('a reader that takes nothing of it is cut off, so that it does not stay for ever', async (t) => {
  const port = await serve(t, await writeJson(LARGE), UNREAD_MS);
  const socket: Socket = connect(port, '127.0.0.1').pause();
  afterTest(t, () => socket.destroy());
  socket.write('GET / HTTP/1.1\r\nHost: relay\r\n\r\n');
  const cut = once(socket, 'error').catch((error: unknown) => [error]);
  // The end of the other side comes behind what was not read; only an answer to something sent tells of it before.
  const knocking = setInterval(() => socket.write('\r\n'), 2 * UNREAD_MS);
  const [error] = (await cut.finally(() => clearInterval(knocking))) as [NodeJS.ErrnoException];
  assert.match(error.code ?? '', /ECONNRESET|EPIPE/);
});

test('what is dear has a turn of its own, in order, also behind what fails', async () => {
  const inTurn = createTurns();
  const done: number[] = [];
  const turns = countTurns();
  const works = [1, 2, 3].map((number) =>
    inTurn(async () => {
      await nextTurn();
      done.push(number);
      if (number === 2) throw new Error('the second');
      return turns.now();
    }),
  );
  const [first, second, third] = await Promise.allSettled(works);
  turns.stop();
  assert.deepEqual(done, [1, 2, 3]);
  assert.equal(second?.status, 'rejected');
  assert.ok(first?.status === 'fulfilled' && third?.status === 'fulfilled' && third.value - first.value >= 2);
});
