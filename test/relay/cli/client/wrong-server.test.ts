import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { type TestContext, test } from 'node:test';
import { afterTest } from '../../../support/after-test.ts';
import { runSparewatt } from '../../../support/command.ts';

const EXIT_UNREACHABLE = 3;

/** The host and port at which a server that is no relay listens until the test ends. */
async function placeOf(server: Server, t: TestContext): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  afterTest(t, () => new Promise((done) => server.close(done)));
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A web server that has a page for every address, as those of many apps do. */
const aPage = (): Server =>
  createHttpServer((_request, response) => {
    response.setHeader('content-type', 'text/html').setHeader('connection', 'close').end('<html>Welcome</html>');
  });

const keys = ['--api-key', 'x', '--admin-token', 'x'];

test('a page instead of an answer is told as what it is, by every command that asks', async (t) => {
  const url = `http://${await placeOf(aPage(), t)}`;
  for (const words of [
    ['models', ...keys.slice(0, 2)],
    ['chat', 'hi', ...keys.slice(0, 2)],
    ['jobs', 'submit', 'llm/inference', 'hi', ...keys.slice(0, 2)],
    ['keys', 'list', ...keys.slice(2)],
    ['pair', ...keys.slice(2)],
  ]) {
    const { code, stdout, stderr } = await runSparewatt([...words, '--relay', url]);
    assert.deepEqual([code, stdout], [EXIT_UNREACHABLE, ''], words.join(' '));
    assert.equal(stderr, `error ${url} answered with status 200, not as a relay does. (relay_unreachable)\n`);
  }
});

test('whoever asks in HTTP where TLS is spoken, or the other way round, is told of the other', async (t) => {
  const tls = await placeOf(
    createServer((socket) => socket.once('data', () => socket.destroy())),
    t,
  );
  const plain = await placeOf(aPage(), t);
  for (const [asked, other] of [
    [`http://${tls}`, `if it speaks TLS, ask https://${tls} `],
    [`https://${plain}`, `; ask http://${plain} `],
  ] as const) {
    const { code, stderr } = await runSparewatt(['models', '--relay', asked, '--api-key', 'x']);
    assert.equal(code, EXIT_UNREACHABLE);
    assert.ok(stderr.startsWith(`error No relay answers at ${asked}. What listens there `), stderr);
    assert.ok(stderr.includes(other), stderr);
  }
});
