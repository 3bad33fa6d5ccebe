import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { hostname } from 'node:os';
import { type TestContext, test } from 'node:test';
import { Bonjour } from 'bonjour-service';
import fc from 'fast-check';
import { discoverRelay, findRelayAgain, oneOf } from '../../main/headless/discovery/discover-relay.ts';
import { type FoundRelay, findRelays } from '../../main/headless/discovery/find-relays.ts';
import { browseServices, type HeardService } from '../../main/headless/discovery/mdns-browser.ts';
import { relayAddresses } from '../../main/headless/discovery/relay-addresses.ts';
import { announceRelay, isToAnnounce } from '../../relay/discovery/announce-relay.ts';
import { startRelay } from '../../relay/server.ts';
import { VERSION } from '../../relay/version.ts';
import { type MdnsNetwork, mdnsSocketOptions } from '../../shared/discovery/mdns-network.ts';
import {
  type RelayAnnouncement,
  readAnnouncement,
  writeAnnouncement,
} from '../../shared/discovery/relay-announcement.ts';
import { afterTest } from '../support/after-test.ts';
import { createInbox, type Inbox } from '../support/inbox.ts';
import { loopbackMdns } from '../support/network/mdns.ts';
import { silentLog } from '../support/pool.ts';
import { isProblem } from '../support/problems.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const HERE: RelayAnnouncement = { version: '1.2.3', protocol: 1, scheme: 'http', path: '/' };

/** What a node would hear, with real sockets. */
function listen(t: TestContext, network: MdnsNetwork): { heard: Inbox<HeardService>; gone: Inbox<string> } {
  const heard = createInbox<HeardService>();
  const gone = createInbox<string>();
  const onError = (error: Error): void => void heard.push({ name: error.message } as HeardService);
  const browser = browseServices({
    network,
    onHeard: (s) => heard.push(s),
    onGone: (name) => gone.push(name),
    onError,
  });
  const asking = setInterval(() => browser.ask(), 50);
  afterTest(t, () => {
    clearInterval(asking);
    browser.stop();
  });
  return { heard, gone };
}

/** Announces anything at all, as a stranger could. */
function announce(t: TestContext, network: MdnsNetwork, name: string, port: number, txt: Record<string, string>): void {
  const mdns = new Bonjour(mdnsSocketOptions(network), (error: Error) => t.diagnostic(error.message));
  mdns.publish({ name, port, txt, type: 'sparewatt', protocol: 'tcp', probe: false });
  afterTest(t, () => new Promise<void>((resolve) => void mdns.destroy(resolve)));
}

const FOREVER = 60_000;

/** Finds until it is satisfied: the test waits for what it expects, however slow the machine is. */
async function find(network: MdnsNetwork, answers: (url: string) => Promise<boolean>): Promise<FoundRelay[]> {
  return (await findRelays({ network, timeoutMs: FOREVER, settleMs: 0, answers })).relays;
}

test('[D1] a relay is announced exactly when other machines could reach it, unless its operator says otherwise', () => {
  for (const url of ['http://127.0.0.1:8484', 'http://127.9.9.9:1', 'http://localhost:1', 'http://[::1]:8484']) {
    assert.equal(isToAnnounce(url, undefined), false, url);
    assert.equal(isToAnnounce(url, true), true, url);
  }
  for (const url of ['http://0.0.0.0:8484', 'http://192.168.1.5:8484', 'http://[::]:8484', 'http://[fd00::1]:1']) {
    assert.equal(isToAnnounce(url, undefined), true, url);
    assert.equal(isToAnnounce(url, false), false, url);
  }
});

test('[D1] [D2] a relay that is told to announces itself with its TXT record, and one that is not stays silent', async (t) => {
  const network = await loopbackMdns();
  const { heard } = listen(t, network);
  const start = async (when?: boolean) => {
    const announce = { network, ...(when === undefined ? {} : { when }) };
    const relay = await startRelay({
      port: 0,
      host: '127.0.0.1',
      dataFolder: temporaryFolder(t),
      log: silentLog,
      announce,
    });
    afterTest(t, () => relay.close());
    return relay;
  };
  await start();
  const loud = await start(true);
  // Had the first one spoken, it would have been heard before the second one existed.
  const service = await heard.next();
  const { port } = new URL(loud.url);
  assert.equal(service.name, `${hostname().split('.')[0]}-${port}`);
  assert.equal(service.port, Number(port));
  const { key, ...rest } = service.txt as Record<string, string>;
  assert.deepEqual(rest, { version: VERSION, protocol: '1', scheme: 'http', path: '/' });
  assert.match(key ?? '', /^N[A-Z2-7]{55}$/);
});

for (const [url, port] of [
  ['http://127.0.0.1', 80],
  ['https://127.0.0.1', 443],
] as const) {
  test(`[D1] a relay on the port that goes without saying is announced with it: ${url}`, async (t) => {
    const network = await loopbackMdns();
    const { heard } = listen(t, network);
    const relay = announceRelay({ url, version: VERSION, network, log: silentLog });
    afterTest(t, () => relay.close());
    const service = await heard.next();
    assert.deepEqual([service.name, service.port], [`${hostname().split('.')[0]}-${port}`, port]);
  });
}

test('[D2] the key of a relay survives the record, and whatever is written is read', () => {
  const announcement = { ...HERE, relayKey: `N${'A2'.repeat(27)}B` };
  assert.deepEqual(writeAnnouncement(announcement), {
    version: '1.2.3',
    protocol: '1',
    scheme: 'http',
    path: '/',
    key: announcement.relayKey,
  });
  assert.deepEqual(readAnnouncement(writeAnnouncement(announcement)), announcement);
  assert.deepEqual(readAnnouncement(writeAnnouncement(HERE)), HERE);
});

test('[D3] a record that is malformed or of another protocol is none', () => {
  const good = writeAnnouncement(HERE);
  for (const bad of [
    undefined,
    {},
    { ...good, protocol: '2' },
    { ...good, protocol: '01' },
    { ...good, version: '' },
    { ...good, version: '1'.repeat(65) },
    { ...good, version: '\u001b[2J' },
    { ...good, scheme: 'file' },
    { ...good, path: 'http://elsewhere/' },
    { ...good, path: '/ /' },
    { ...good, key: '' },
    { ...good, key: `U${'A'.repeat(55)}` },
  ]) {
    assert.equal(readAnnouncement(bad), undefined, JSON.stringify(bad));
  }
});

test('[D3] no record at all can make the reader fail', () => {
  fc.assert(
    fc.property(fc.oneof(fc.anything(), fc.dictionary(fc.string(), fc.string())), (txt) => {
      const read = readAnnouncement(txt);
      assert.ok(read === undefined || read.protocol === 1);
    }),
  );
});

test('[D3] an announcement of another protocol is counted, and the relay beside it is found', async (t) => {
  const network = await loopbackMdns();
  announce(t, network, 'future', 1, { ...writeAnnouncement(HERE), protocol: '2' });
  const { heard } = listen(t, network);
  await heard.next();
  announce(t, network, 'present', 2, writeAnnouncement(HERE));
  const { relays, ignored } = await findRelays({
    network,
    timeoutMs: FOREVER,
    settleMs: 500,
    answers: async () => true,
  });
  assert.deepEqual(
    relays.map(({ name }) => name),
    ['present'],
  );
  assert.equal(ignored, 1);
});

test('[D4] a relay counts only when it has answered itself, at the first of its addresses that does', async (t) => {
  const network = await loopbackMdns();
  announce(t, network, 'nobody', 1, writeAnnouncement(HERE));
  announce(t, network, 'somebody', 2, writeAnnouncement(HERE));
  const asked: string[] = [];
  const relays = await find(network, async (url) => {
    asked.push(url);
    return new URL(url).port === '2';
  });
  assert.deepEqual(
    relays.map(({ name, url }) => ({ name, url })),
    [{ name: 'somebody', url: 'http://127.0.0.1:2' }],
  );
  assert.ok(asked.includes('http://127.0.0.1:2'));
});

test('[D4] something that announces itself and is no relay is not found', async (t) => {
  const network = await loopbackMdns();
  const asked = createInbox<string>();
  const server = createServer((request, response) => {
    asked.push(request.url ?? '');
    response.end('{"status":"ok"}');
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  afterTest(t, () => server.close());
  announce(t, network, 'impostor', (server.address() as AddressInfo).port, writeAnnouncement(HERE));
  const said: string[] = [];
  const options = { network, say: (line: string) => void said.push(line), log: silentLog, timeoutMs: 2_000 };
  await assert.rejects(discoverRelay(options), isProblem('relay_unreachable', /No relay was found/));
  assert.equal(await asked.next(), '/v1/health');
  assert.match(said.join(), /ignored 1/);
});

test('[D4] addresses are tried in a useful order: this machine, where it spoke from, IPv4, IPv6', () => {
  const service = {
    name: 'x',
    port: 8484,
    txt: {},
    addresses: ['fe80::1', 'fd00::1', '192.168.1.9', '10.0.0.9'],
    referer: { address: '192.168.1.9', family: 'IPv4', port: 5353, size: 1 },
  } as const;
  const order = (own: string[], path = '/') =>
    relayAddresses({ ...service, addresses: [...service.addresses] }, { ...HERE, path }, new Set(own));
  assert.deepEqual(order([]), ['http://192.168.1.9:8484', 'http://10.0.0.9:8484', 'http://[fd00::1]:8484']);
  assert.equal(order(['192.168.1.9'])[0], 'http://127.0.0.1:8484');
  assert.equal(order([], '/pool/')[0], 'http://192.168.1.9:8484/pool');
});

test('[D5] the only relay is used, and is a real one that answers', async (t) => {
  const network = await loopbackMdns();
  const announce = { when: true, network };
  const relay = await startRelay({
    port: 0,
    host: '127.0.0.1',
    dataFolder: temporaryFolder(t),
    log: silentLog,
    announce,
  });
  afterTest(t, () => relay.close());
  const said: string[] = [];
  const url = await discoverRelay({ network, say: (line) => void said.push(line), log: silentLog, timeoutMs: FOREVER });
  assert.equal(url, relay.url);
  assert.match(said.join(), new RegExp(`^found \\S+ at ${relay.url} \\(version ${VERSION}, key N\\w+\\)$`));
});

test('[D5] several relays are all named and none is used; none is said to be none', () => {
  const relay = (name: string): FoundRelay => ({ name, url: `http://${name}:8484`, announcement: HERE });
  assert.equal(oneOf([relay('one')], 5_000).name, 'one');
  assert.throws(
    () => oneOf([relay('one'), relay('two')], 5_000),
    isProblem(
      'invalid_option',
      /2 relays here: one \(--relay http:\/\/one:8484\), two \(--relay http:\/\/two:8484\)\. Name one/,
    ),
  );
  assert.throws(() => oneOf([], 5_000), isProblem('relay_unreachable', /within 5 s.*--announce.*--relay/));
});

test('[D6] a join token is not even looked for a relay with', async () => {
  const options = { network: { port: 1 }, joinToken: 'sw-admin-secret', say: () => undefined, log: silentLog };
  await assert.rejects(discoverRelay(options), (error: Error) => {
    assert.doesNotMatch(error.message, /secret/);
    return isProblem('invalid_option', /join token .*--relay/)(error);
  });
});

test('[D7] a relay that stops is gone from those who listen', async (t) => {
  const network = await loopbackMdns();
  const { heard, gone } = listen(t, network);
  const relay = announceRelay({ url: 'http://127.0.0.1:4321', version: VERSION, network, log: silentLog });
  const { name } = await heard.next();
  await relay.close();
  assert.equal(await gone.next(), name);
});

test('[D9] the name of a relay cannot write on the terminal of who reads it', async (t) => {
  const network = await loopbackMdns();
  announce(t, network, '\u001b[2Jevil\u0007\u202e', 2, writeAnnouncement(HERE));
  const [relay] = await find(network, async () => true);
  assert.equal(relay?.name, '??2Jevil??');
});

test('[D9] strangers who invent relays fill no memory', async () => {
  const browse: typeof browseServices = ({ onHeard }) => {
    onHeard({ name: 'early', port: 2, txt: writeAnnouncement(HERE), addresses: ['127.0.0.1'] });
    for (let i = 0; i < 1_000; i++) onHeard({ name: `invented ${i}`, port: 1, txt: {} });
    return { ask: () => undefined, stop: () => undefined };
  };
  const network = { port: 1 };
  const found = await findRelays({ network, timeoutMs: FOREVER, settleMs: 0, answers: async () => true, browse });
  assert.deepEqual(
    found.relays.map(({ name }) => name),
    ['early'],
  );
  assert.equal(found.ignored, 63);
});

test('[D10] a node finds only the relay again whose key it knows', async (t) => {
  const network = await loopbackMdns();
  const start = async () => {
    const announce = { network, when: true };
    const dataFolder = temporaryFolder(t);
    const relay = await startRelay({ port: 0, host: '127.0.0.1', dataFolder, log: silentLog, announce });
    afterTest(t, () => relay.close());
    return relay;
  };
  const own = await start();
  const other = await start();
  const { heard } = listen(t, network);
  const keys = new Map<string, string>();
  while (keys.size < 2) {
    const { port, txt } = await heard.next();
    keys.set(`http://127.0.0.1:${port}`, (txt as Record<string, string>).key ?? '');
  }
  const look = (knownKey: string | undefined) =>
    findRelayAgain({ network, knownKey, log: silentLog, timeoutMs: 10_000, settleMs: 2_000 });
  const looks = [keys.get(own.url), keys.get(other.url), `N${'A'.repeat(55)}`, undefined].map(look);
  assert.deepEqual(await Promise.all(looks), [own.url, other.url, undefined, undefined]);
});
