import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { createServer } from 'node:net';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { startCapsServer } from '../../../main/headless/caps-server.ts';
import { documentFor } from '../../support/nodes/live-nodes.ts';

const document = documentFor('attic', ['m']);

test('tells programs of this machine what the node can do', async (t) => {
  const server = await startCapsServer({ port: 0, document: async () => document });
  t.after(server.close);
  const response = await fetch(server.url);
  assert.equal(response.status, 200);
  assert.deepEqual(await response.json(), document);
  assert.equal(response.headers.get('access-control-allow-origin'), null);
  assert.equal(new URL(server.url).hostname, '127.0.0.1');
});

test('has nothing else, and takes nothing but GET', async (t) => {
  const server = await startCapsServer({ port: 0, document: async () => document });
  t.after(server.close);
  assert.equal((await fetch(new URL('/', server.url))).status, 404);
  assert.equal((await fetch(server.url, { method: 'POST', body: '{}' })).status, 405);
});

test('refuses a page that had its own name point at this machine', async (t) => {
  const server = await startCapsServer({ port: 0, document: async () => document });
  t.after(server.close);
  // `fetch` does not let anyone choose the Host header.
  const [response] = (await once(request(server.url, { headers: { host: 'evil.example' } }).end(), 'response')) as [
    IncomingMessage,
  ];
  const body = await text(response);
  assert.equal(response.statusCode, 403);
  assert.ok(!body.includes('attic'));
});

test('says that its port is taken', async (t) => {
  const other = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => other.once('listening', resolve));
  t.after(() => other.close());
  const { port } = other.address() as { port: number };
  await assert.rejects(startCapsServer({ port, document: async () => document }), { code: 'port_in_use' });
});
