import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import pino from 'pino';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { afterTest } from '../../../support/after-test.ts';
import { type Pool, startPool } from '../../../support/pool.ts';
import { endOf, submit } from '../../../support/queued-jobs.ts';
import { until } from '../../../support/until.ts';

const SECRET = `whsec_${Buffer.from('the secret of a client').toString('base64')}`;
const PROMPT = 'marmalade';
const TOKEN = 'token-of-the-address';
/** What a receiver says that takes the request and is no use: it may say the request itself. */
const ANSWERS: Record<string, (socket: Socket, request: Buffer) => void> = {
  'a fault': (socket, request) => socket.end(answer('500 Internal Server Error', request)),
  'a redirect': (socket, request) => socket.end(answer(`302 Found\r\nLocation: /${SECRET}/${PROMPT}`, request)),
  'no word': (socket) => socket.destroy(),
  'the request': (socket, request) => socket.end(request),
  'half a head': (socket, request) => socket.end(`HTTP/1.1 200 OK\r\nX-Request: ${request.toString('base64')}`),
};

function answer(head: string, body: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`HTTP/1.1 ${head}\r\nContent-Length: ${body.length}\r\n\r\n`), body]);
}

async function listen(t: TestContext, server: Server): Promise<string> {
  await once(server.listen(0, '127.0.0.1'), 'listening');
  afterTest(t, () => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/${TOKEN}?key=${TOKEN}`;
}

/** Addresses whose receivers fail, each in its way; `heard` is all that was sent to them. */
async function startReceivers(t: TestContext): Promise<{ urls: string[]; heard: () => string }> {
  const heard: Buffer[] = [];
  const urls = Object.values(ANSWERS).map((reply) => {
    const server = createServer((socket) => {
      let request = Buffer.alloc(0);
      socket
        .on('error', () => undefined)
        .on('data', (bytes) => {
          request = Buffer.concat([request, bytes]);
          // The event's JSON is the end of what is said.
          if (!request.includes('\r\n\r\n') || !request.toString().endsWith('}')) return;
          heard.push(request);
          reply(socket, request);
        });
    });
    return listen(t, server);
  });
  const nobody = createServer();
  const unreachable = await listen(t, nobody);
  nobody.close();
  return { urls: [...(await Promise.all(urls)), unreachable], heard: () => Buffer.concat(heard).toString() };
}

const Bytes = Type.Object({ type: Type.Literal('Buffer'), data: Type.Array(Type.Integer()) });

/** A line with the text of the bytes in it, which are written as numbers. */
function readable(line: string): string {
  const value: unknown = JSON.parse(line, (_, part: unknown) =>
    Value.Check(Bytes, part) ? Buffer.from(part.data).toString() : part,
  );
  return JSON.stringify(value);
}

test('no log line holds a webhook’s body, address, secret or prompt, however its delivery fails', async (t) => {
  const lines: string[] = [];
  const log = pino({ level: 'trace' }, { write: (line: string) => void lines.push(line) });
  const failures = (tries: number): unknown[] =>
    lines.map((line) => JSON.parse(line) as { event?: string; tries?: number }).filter((line) => line.tries === tries);
  const dataFolder = mkdtempSync(join(tmpdir(), 'sparewatt-'));
  afterTest(t, () => rmSync(dataFolder, { recursive: true, force: true }));
  const start = async (): Promise<Pool> => {
    const pool = await startPool({ log, webhooksToThisMachine: true, dataFolder });
    afterTest(t, pool.close);
    return pool;
  };
  const { urls, heard } = await startReceivers(t);
  const first = await start();
  await first.addNode();
  const jobs = await Promise.all(
    urls.map((url, i) => {
      const model = i % 2 === 0 ? 'test/echo' : 'test/breaking';
      return submit(first, { model, input: PROMPT, webhook: { url, secret: SECRET } });
    }),
  );
  await Promise.all(jobs.map(({ id }) => endOf(first, id)));
  await until(() => failures(1).length === urls.length);
  await first.close();
  // What was written down is tried again by the next run, which reads it from its database.
  await start();
  await until(() => failures(2).length === urls.length);

  assert.match(heard(), /"specversion":"1\.0".*sparewatt\.job\.succeeded/s);
  assert.match(heard(), /webhook-signature: v1,/);
  const told = lines.map(readable).join('');
  for (const { id } of jobs) assert.ok(told.includes(`${id}.end`), 'the log says whose word did not arrive');
  const signatures = [...heard().matchAll(/webhook-signature: v1,(\S+)/g)].map(([, signature = '']) => signature);
  const key = SECRET.slice('whsec_'.length);
  const secrets = [SECRET, key, Buffer.from(key, 'base64').toString(), PROMPT, TOKEN, ...signatures];
  for (const part of [...secrets, 'specversion', 'sparewatt.job.', 'webhook-signature', first.relay.apiKey]) {
    assert.ok(!told.includes(part), part);
  }
});
