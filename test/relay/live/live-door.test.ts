import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import WebSocket from 'ws';
import type { OperatorSession } from '../../../relay/access/operator-sessions.ts';
import { attachLiveDoor } from '../../../relay/live/live-door.ts';
import { LIVE_CLOSE } from '../../../shared/api/live.ts';
import { Problem } from '../../../shared/problems/problem.ts';
import { silentLog } from '../../support/pool.ts';
import { until } from '../../support/until.ts';

const MEGABYTE = 'x'.repeat(1024 * 1024);

async function openDoor(t: TestContext, session?: OperatorSession) {
  const server = createServer();
  const senders = new Set<(text: string) => void>();
  const enders: ((session: OperatorSession) => void)[] = [];
  const door = attachLiveDoor(server, {
    path: '/live',
    feed: {
      subscribe: async (_after, send) => {
        senders.add(send);
        return () => void senders.delete(send);
      },
    },
    admit: async ({ headers }) => {
      if (headers['x-who'] === 'stranger') throw new Problem('invalid_api_key', 'Nobody knows you.');
      return session;
    },
    onSessionEnd: (listener) => void enders.push(listener),
    now: Date.now,
    log: silentLog,
    // Longer than any machine needs to read what waits for it.
    farewellMs: 60_000,
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    door.close();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const url = `ws://127.0.0.1:${port}/live`;
  const connect = async (): Promise<{ socket: WebSocket; closed: Promise<number> }> => {
    const socket = new WebSocket(url);
    const closed = new Promise<number>((resolve) => socket.on('close', resolve));
    await new Promise((resolve) => socket.once('open', resolve));
    return { socket, closed };
  };
  const tell = (text: string): void => {
    for (const send of senders) send(text);
  };
  return { door, url, connect, tell, senders, end: () => session && enders[0]?.(session) };
}

test('sends away who does not read, with a code, and keeps telling the others', async (t) => {
  const { door, connect, tell, senders } = await openDoor(t);
  const slow = await connect();
  const quick = await connect();
  let heard = 0;
  quick.socket.on('message', () => {
    heard += 1;
  });
  slow.socket.pause();
  // More than the buffers of two sockets and the backlog take, each piece once the others have it.
  for (let told = 1; told <= 30; told++) {
    tell(MEGABYTE);
    await until(() => heard >= told);
  }
  slow.socket.resume();
  assert.equal(await slow.closed, LIVE_CLOSE.tooSlow);
  await until(() => door.connections() === 1 && senders.size === 1);
  const before = heard;
  tell('still here');
  await until(() => heard === before + 1);
});

test('refuses strangers with the problem in words, and lets nobody in who is not admitted', async (t) => {
  const { door, url } = await openDoor(t);
  const socket = new WebSocket(url, { headers: { 'x-who': 'stranger' } });
  const { status, body } = await new Promise<{ status: number | undefined; body: string }>((resolve) => {
    socket.once('unexpected-response', async (_request, response) => {
      let text = '';
      for await (const chunk of response) text += chunk;
      resolve({ status: response.statusCode, body: text });
    });
  });
  assert.equal(status, 401);
  assert.equal(JSON.parse(body).code, 'invalid_api_key');
  assert.equal(door.connections(), 0);
});

test('a session that ends takes its lines along', async (t) => {
  const { door, connect, end } = await openDoor(t, { expiresAt: Date.now() + 60_000 });
  const { closed } = await connect();
  end();
  assert.equal(await closed, LIVE_CLOSE.signedOut);
  await until(() => door.connections() === 0);
});

test('stops telling when a client goes, and everybody is gone once it is closed', async (t) => {
  const { door, connect, senders } = await openDoor(t);
  const first = await connect();
  const second = await connect();
  first.socket.close();
  await until(() => senders.size === 1 && door.connections() === 1);
  door.close();
  await second.closed;
  await until(() => senders.size === 0 && door.connections() === 0);
});
