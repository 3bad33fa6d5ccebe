import assert from 'node:assert/strict';
import { networkInterfaces } from 'node:os';
import { test } from 'node:test';
import { lanUrl } from '../../relay/lan-url.ts';

const own = Object.values(networkInterfaces())
  .flat()
  .filter((address) => address?.family === 'IPv4' && !address.internal)
  .map((address) => address?.address);

test('what listens on every address is reached at one of them, with its scheme and port', () => {
  for (const url of ['http://0.0.0.0:8484', 'https://[::]:8484']) {
    const reached = lanUrl(url);
    if (own.length === 0) assert.equal(reached, undefined);
    else
      assert.ok(
        own.some((address) => reached === `${url.split(':')[0]}://${address}:8484`),
        reached,
      );
  }
});

test('what listens on one address is reached there, and what listens on loopback by nobody else', () => {
  assert.equal(lanUrl('http://192.0.2.7:1'), 'http://192.0.2.7:1');
  for (const url of ['http://127.0.0.1:1', 'http://localhost:1', 'http://[::1]:1'])
    assert.equal(lanUrl(url), undefined);
});
