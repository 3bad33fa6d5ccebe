import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fetchTrusting } from '../../../main/headless/fetch-trusting.ts';
import { inspectServer } from '../../../main/headless/inspect-server.ts';
import { relayPinsIn } from '../../../main/headless/relay-pins.ts';
import { fileSecretBox } from '../../../main/headless/secret-box.ts';
import { readAtMost } from '../../../shared/protocol/read-body.ts';
import { afterTest } from '../../support/after-test.ts';
import { type Identity, newAuthority, serverIdentity } from '../../support/network/tls.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const RELAY_KEY = `N${'A'.repeat(55)}`;
const NEVER = new AbortController().signal;

async function listen(t: TestContext, identity: Identity, answer: Parameters<typeof createServer>[1]): Promise<string> {
  const server: Server = createServer(identity, answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  afterTest(t, () => {
    server.closeAllConnections();
    server.close();
  });
  return `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test('[L5] the authority at the end of the chain is told, and whether the system vouches, and nothing is sent', async (t) => {
  const authority = newAuthority(t);
  let requests = 0;
  const url = await listen(t, serverIdentity(authority), () => {
    requests += 1;
  });
  assert.deepEqual(await inspectServer(url, NEVER), { isTrusted: false, authority: authority.certificate });
  const bare = serverIdentity(authority);
  const [leaf = ''] = bare.cert.split(/(?<=-----END CERTIFICATE-----\n)/);
  const alone = await listen(t, { ...bare, cert: leaf }, () => undefined);
  assert.deepEqual(await inspectServer(alone, NEVER), { isTrusted: false, authority: undefined });
  assert.equal(requests, 0);
});

test('an inspection ends with its signal, and with a server that speaks no TLS', async (t) => {
  const server = createTcpServer((socket) => void socket.on('error', () => undefined).write('hello'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  afterTest(t, () => server.close());
  await assert.rejects(inspectServer(`https://127.0.0.1:${(server.address() as AddressInfo).port}`, NEVER));
  await assert.rejects(inspectServer('https://127.0.0.1:1', AbortSignal.abort(new Error('enough'))), /enough/);
});

test('[L5] a relay is believed by the authority that was told and by its name, and by nothing else', async (t) => {
  const [ours, theirs] = [newAuthority(t), newAuthority(t)];
  const answer: Parameters<typeof createServer>[1] = (request, response) => {
    request.pipe(response.writeHead(201, { 'x-seen': String(request.headers['content-type']) }));
  };
  const url = await listen(t, serverIdentity(ours), answer);
  const init = { method: 'POST', headers: { 'content-type': 'text/x' }, body: new TextEncoder().encode('hello') };
  const response = await fetchTrusting(ours.certificate)(url, init);
  assert.deepEqual([response.status, response.headers.get('x-seen'), await response.text()], [201, 'text/x', 'hello']);
  await assert.rejects(fetchTrusting(theirs.certificate)(url, init), /self-signed|unable to verify/i);
  const misnamed = await listen(t, serverIdentity(ours, ['192.0.2.1']), answer);
  await assert.rejects(fetchTrusting(ours.certificate)(misnamed, init), /does not match|altnames/i);
});

test('a request to a relay ends with its signal, and an answer without end is taken as far as it is read', async (t) => {
  const authority = newAuthority(t);
  const silent = await listen(t, serverIdentity(authority), () => undefined);
  await assert.rejects(fetchTrusting(authority.certificate)(silent, { signal: AbortSignal.timeout(20) }));
  const endless = await listen(t, serverIdentity(authority), (_request, response) => {
    const write = (): void => {
      while (response.write(Buffer.alloc(65_536)));
    };
    response.on('drain', write).on('error', () => undefined);
    write();
  });
  const { body } = await fetchTrusting(authority.certificate)(endless);
  assert.equal(await readAtMost(body, 1_048_576), undefined);
});

test('[L5] [P9] the pin of a relay keeps its authority beside its key, and older pins are read', async (t) => {
  const file = join(temporaryFolder(t), 'relay-pins.json');
  const pins = relayPinsIn(fileSecretBox(file));
  const fingerprint = 'a'.repeat(43);
  await pins.write('http://plain.lan', RELAY_KEY);
  await pins.write('https://secure.lan', RELAY_KEY, fingerprint);
  assert.deepEqual(
    [await pins.read('http://plain.lan'), await pins.authority('http://plain.lan')],
    [RELAY_KEY, undefined],
  );
  assert.deepEqual(
    [await pins.read('https://secure.lan'), await pins.authority('https://secure.lan')],
    [RELAY_KEY, fingerprint],
  );
  assert.equal((JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>)['http://plain.lan'], RELAY_KEY);
  await pins.write('https://secure.lan', RELAY_KEY);
  assert.equal(await pins.authority('https://secure.lan'), undefined);
});
