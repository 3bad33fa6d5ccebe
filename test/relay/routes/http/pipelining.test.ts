import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import Fastify from 'fastify';
import { MOST_WAITING, serveInOrder } from '../../../../relay/routes/http/pipelining.ts';
import { afterTest } from '../../../support/after-test.ts';
import { until } from '../../../support/until.ts';

/** Answers each request with its path, when the test says so. */
async function serve(t: TestContext) {
  const begun: string[] = [];
  const answers = new Map<string, () => void>();
  const app = Fastify({ forceCloseConnections: true });
  serveInOrder(app);
  app.get('/:name', async ({ url }, reply) => {
    begun.push(url);
    await new Promise<void>((resolve) => answers.set(url, resolve));
    return reply.send(url);
  });
  await app.listen({ host: '127.0.0.1', port: 0 });
  afterTest(t, () => app.close());
  const { port } = app.server.address() as AddressInfo;
  const dial = (): Socket => {
    const socket = connect(port, '127.0.0.1').on('error', () => undefined);
    afterTest(t, () => socket.destroy());
    return socket;
  };
  return { begun, answer: (path: string) => answers.get(path)?.(), dial };
}

function requests(count: number): string {
  return Array.from({ length: count }, (_, number) => `GET /${number} HTTP/1.1\r\nHost: relay\r\n\r\n`).join('');
}

test('requests that are sent before the last one was answered are served one after the other', async (t) => {
  const { begun, answer, dial } = await serve(t);
  const socket = dial();
  socket.write(requests(3));
  const other = dial();
  other.write('GET /other HTTP/1.1\r\nHost: relay\r\n\r\n');
  await until(() => begun.length >= 2);
  assert.deepEqual(begun.toSorted(), ['/0', '/other']);
  let text = '';
  socket.on('data', (data) => {
    text += String(data);
  });
  for (const path of ['/0', '/1', '/2']) {
    await until(() => begun.includes(path));
    assert.equal(begun.at(-1) === path || path === '/0', true);
    answer(path);
  }
  await until(() => text.split('HTTP/1.1 200').length === 4);
  assert.deepEqual(text.match(/^\/\d/gm), ['/0', '/1', '/2']);
});

test('who sends many more without waiting for an answer is cut off, and costs no more than one of them', async (t) => {
  const { begun, dial } = await serve(t);
  const socket = dial();
  socket.write(requests(MOST_WAITING * 10));
  await once(socket, 'close');
  assert.deepEqual(begun, ['/0']);
});

test('what waits behind an answer that its client does not wait for is never begun', async (t) => {
  const { begun, answer, dial } = await serve(t);
  const socket = dial();
  socket.write(requests(MOST_WAITING));
  await until(() => begun.length === 1);
  socket.destroy();
  await once(socket, 'close');
  const later = dial();
  later.write('GET /later HTTP/1.1\r\nHost: relay\r\n\r\n');
  await until(() => begun.length === 2);
  answer('/0');
  answer('/later');
  await once(later, 'data');
  assert.deepEqual(begun, ['/0', '/later']);
});

test('bodies of requests that wait their turn arrive whole, however large they are', async (t) => {
  const app = Fastify({ forceCloseConnections: true });
  serveInOrder(app);
  app.post('/', async ({ body }, reply) => reply.send(`${(body as string).length} ${(body as string)[0]};`));
  await app.listen({ host: '127.0.0.1', port: 0 });
  afterTest(t, () => app.close());
  const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1');
  afterTest(t, () => socket.destroy());
  const sizes = [10, 700_000, 0, 300_000, 5];
  for (const [number, size] of sizes.entries()) {
    const close = number === sizes.length - 1 ? 'Connection: close\r\n' : '';
    const head = `POST / HTTP/1.1\r\nHost: relay\r\n${close}Content-Type: text/plain\r\nContent-Length: ${size + 1}\r\n\r\n`;
    socket.write(head + String(number).repeat(size + 1));
  }
  let text = '';
  for await (const data of socket) text += String(data);
  assert.deepEqual(
    text.match(/\d+ \d;/g),
    sizes.map((size, number) => `${size + 1} ${number};`),
  );
});
