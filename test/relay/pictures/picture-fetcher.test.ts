import assert from 'node:assert/strict';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { after, before, test } from 'node:test';
import { isPublicAddress } from '../../../relay/outbound/address-kind.ts';
import { createPictureFetcher, type PictureSources } from '../../../relay/pictures/picture-fetcher.ts';
import { createPictureHosts } from '../../../relay/pictures/picture-hosts.ts';
import { type PictureHost, startPictureHost } from '../../support/network/picture-host.ts';
import { paint, pictureFile, RED } from '../../support/pictures.ts';
import { isProblem } from '../../support/problems.ts';

const MOST_BYTES = 100_000;
const NEVER = new AbortController().signal;
const HOST = 'pictures.example';

let host: PictureHost;
let file: Buffer;
/** What the host says to each path. */
let answers: Record<string, (request: IncomingMessage, response: ServerResponse) => void>;

before(async () => {
  file = Buffer.from(await pictureFile(paint(4, 4, () => RED)), 'base64');
  const leadTo = (location: string) => (_: IncomingMessage, response: ServerResponse) => {
    response.writeHead(302, { location }).end();
  };
  answers = {
    '/red.png': (_, response) => response.setHeader('content-type', 'image/png').end(file),
    '/untyped': (_, response) => response.end(file),
    '/page': (_, response) => response.setHeader('content-type', 'text/html').end('<html>'),
    '/liar': (_, response) => response.setHeader('content-type', 'image/png').end('<svg onload="x()"/>'),
    '/packed': (_, response) => response.setHeader('content-encoding', 'gzip').end(file),
    '/endless': (_, response) => {
      const more = () => void (response.destroyed || response.write(Buffer.alloc(16_384), () => setImmediate(more)));
      more();
    },
    '/cut': (_, response) => {
      response.writeHead(200, { 'content-length': file.length + 1 });
      response.write(file, () => response.destroy());
    },
    '/silent': () => undefined,
    '/gone': (_, response) => response.writeHead(404).end(),
    '/moved': leadTo('/red.png'),
    '/circle': leadTo('/circle'),
    '/to-http': leadTo(`http://${HOST}/red.png`),
    '/to-other': leadTo('https://other.example/red.png'),
  };
  host = await startPictureHost(
    (request, response) => answers[request.url ?? '']?.(request, response),
    [HOST, 'sub.pictures.example', '127.0.0.1'],
  );
});
after(() => host.close());

function fetcher(more: Partial<PictureSources> = {}) {
  return createPictureFetcher({
    hosts: [HOST],
    anyPort: true,
    ca: host.ca,
    isAllowed: () => true,
    resolve: async () => [{ address: '127.0.0.1', family: 4 }],
    ...more,
  });
}

const at = (path: string, name = HOST): string => `https://${name}:${host.port}${path}`;
const ask = (url: string, more: Partial<PictureSources> = {}, mostBytes = MOST_BYTES) =>
  fetcher(more).fetch([{ url, param: 'p' }], mostBytes, NEVER);

test('fetches the pictures of a request, each once', async () => {
  const pictures = ['/red.png', '/untyped', '/red.png', '/moved'].map((path) => ({ url: at(path), param: path }));
  const before = host.asked.length;
  const found = await fetcher().fetch(pictures, MOST_BYTES, NEVER);
  assert.deepEqual(Object.keys(found).sort(), [at('/moved'), at('/red.png'), at('/untyped')]);
  for (const text of Object.values(found)) assert.equal(text, file.toString('base64'));
  // One of them by way of a redirect.
  assert.equal(host.asked.length - before, 4);
});

test('asks only hosts that are named, over https, on its own port', async () => {
  const before = host.asked.length;
  await assert.rejects(ask(at('/red.png', 'other.example')), isProblem('unsupported_content', /relay\.image_hosts/));
  await assert.rejects(ask(at('/red.png'), { hosts: [] }), isProblem('unsupported_content', /pictures\.example/));
  await assert.rejects(ask(at('/red.png'), { anyPort: false }), isProblem('unsupported_content', /fetches no/));
  await assert.rejects(ask(`http://${HOST}/red.png`), isProblem('invalid_value', /https/));
  await assert.rejects(ask(`https://me:secret@${HOST}/red.png`), isProblem('invalid_value', /password/));
  await assert.rejects(ask('not an address'), isProblem('invalid_value', /https/));
  assert.equal(host.asked.length, before);
});

test('a redirect leads only where the first address could', async () => {
  await assert.rejects(ask(at('/to-http')), isProblem('invalid_value', /https/));
  await assert.rejects(ask(at('/to-other')), isProblem('unsupported_content', /other\.example/));
  await assert.rejects(ask(at('/circle')), isProblem('image_unavailable', /ever more/));
});

test('asks no address inside, whichever way a name leads there', async () => {
  const before = host.asked.length;
  const inside = { isAllowed: isPublicAddress };
  const unreachable = isProblem('image_unavailable', /cannot be reached/);
  await assert.rejects(ask(at('/red.png'), inside), unreachable);
  // A name with one good address and one bad is asked at neither.
  const both = async () => [
    { address: '93.184.215.14', family: 4 },
    { address: '127.0.0.1', family: 4 },
  ];
  await assert.rejects(ask(at('/red.png'), { ...inside, resolve: both }), unreachable);
  await assert.rejects(ask(at('/red.png'), { resolve: () => Promise.reject(new Error('no such name')) }), unreachable);
  for (const literal of ['127.0.0.1', '[::1]', '2130706433', '0x7f.1', '[::ffff:127.0.0.1]']) {
    await assert.rejects(ask(at('/red.png', literal), { ...inside, hosts: ['*'] }), unreachable, literal);
  }
  assert.equal(host.asked.length, before);
});

test('takes nothing but whole pictures of a size', async () => {
  await assert.rejects(ask(at('/page')), isProblem('unsupported_media', /png/));
  await assert.rejects(ask(at('/liar')), isProblem('unsupported_media', /png/));
  await assert.rejects(ask(at('/packed')), isProblem('unsupported_media', /png/));
  await assert.rejects(ask(at('/gone')), isProblem('image_unavailable', /404/));
  await assert.rejects(ask(at('/cut')), isProblem('image_unavailable', /whole/));
  await assert.rejects(ask(at('/endless')), isProblem('file_too_large', /100000 bytes/));
  const two = ['/red.png', '/untyped'].map((path) => ({ url: at(path), param: path }));
  const together = fetcher().fetch(two, file.length + 1, NEVER);
  await assert.rejects(together, isProblem('file_too_large', /together/));
});

test('trusts no certificate that nobody vouches for', async () => {
  await assert.rejects(ask(at('/red.png'), { ca: undefined }), isProblem('image_unavailable', /cannot be reached/));
});

test('waits no longer than it may, and holds the pictures of so many requests at a time', async () => {
  const slow = isProblem('image_unavailable', /within 1 ms/);
  await assert.rejects(ask(at('/silent'), { timeoutMs: 1 }), slow);
  const gone = new AbortController();
  const busy = fetcher();
  const silent = () => busy.fetch([{ url: at('/silent'), param: 'p' }], MOST_BYTES, gone.signal);
  const held = Promise.allSettled(Array.from({ length: 32 }, silent));
  await assert.rejects(silent(), isProblem('queue_full', /in a moment/));
  gone.abort();
  await held;
  // Who has ended makes room.
  const asked = busy.fetch([{ url: at('/red.png'), param: 'p' }], MOST_BYTES, NEVER);
  assert.equal(Object.keys(await asked).length, 1);
});

test('stops when its client hangs up', async () => {
  const gone = new AbortController();
  const asked = fetcher().fetch([{ url: at('/silent'), param: 'p' }], MOST_BYTES, gone.signal);
  gone.abort(new Error('hung up'));
  await assert.rejects(asked, /hung up/);
});

test('names, names below one, and every name can be allowed', () => {
  const isAllowed = createPictureHosts(['a.example', '*.B.example']);
  const found = ['a.example', 'x.a.example', 'b.example', 'x.b.example', 'xb.example'].map(isAllowed);
  assert.deepEqual(found, [true, false, false, true, false]);
  assert.ok(createPictureHosts(['*'])('any.example'));
});

test('only addresses of the internet are public', () => {
  const inside = ['127.0.0.1', '10.1.2.3', '172.31.0.1', '192.168.1.1', '169.254.169.254', '100.64.0.1', '0.0.0.0'];
  const odd = ['224.0.0.1', '255.255.255.255', '::1', '::', 'fe80::1', 'fd00::1', '::ffff:10.0.0.1', '64:ff9b::a00:1'];
  for (const address of [...inside, ...odd, '2002:a00:1::', '2001::1', 'no address']) {
    assert.ok(!isPublicAddress(address), address);
  }
  for (const address of ['93.184.215.14', '172.32.0.1', '2606:4700::1111'])
    assert.ok(isPublicAddress(address), address);
});
