import assert from 'node:assert/strict';
import { test } from 'node:test';
import { listenerUrlFor } from '../../../../relay/fabric/nats-server/bus-listener-url.ts';

const OPEN = { scheme: 'ws', port: 8485, isPublic: true } as const;
const LOCAL = { ...OPEN, isPublic: false };
const at = (host: string | undefined, localAddress = '192.0.2.9') => ({ host, localAddress, localPort: 8484 });

test('[L10] a node is told the listener at the host it dialled', () => {
  assert.equal(listenerUrlFor(OPEN, at('192.0.2.9:8484')), 'ws://192.0.2.9:8485');
  assert.equal(listenerUrlFor(OPEN, at('relay.lan:8484')), 'ws://relay.lan:8485');
  assert.equal(listenerUrlFor(OPEN, at('[fd00::2]:8484', 'fd00::2')), 'ws://[fd00::2]:8485');
  const secure = { ...OPEN, scheme: 'wss' } as const;
  assert.equal(listenerUrlFor(secure, at('relay.lan:8484')), 'wss://relay.lan:8485');
  assert.equal(listenerUrlFor(secure, { ...at('relay.example'), localPort: 443 }), 'wss://relay.example:8485');
});

test('[L10] a node of the relay’s machine is told the listener on this machine, whichever way it dialled', () => {
  for (const listener of [OPEN, LOCAL]) {
    for (const host of ['127.0.0.1:8484', 'localhost:8484', '[::1]:8484']) {
      assert.equal(listenerUrlFor(listener, at(host, '::ffff:127.0.0.1')), 'ws://127.0.0.1:8485');
    }
  }
});

test('[L10] nobody is sent where the way is not known: through a tunnel, a forwarded port, or to a listener of this machine', () => {
  assert.equal(listenerUrlFor(OPEN, at('relay.lan:9000')), undefined);
  assert.equal(listenerUrlFor(OPEN, at('relay.lan')), undefined);
  assert.equal(listenerUrlFor(OPEN, at('relay.example:8484', '127.0.0.1')), undefined);
  assert.equal(listenerUrlFor(LOCAL, at('192.0.2.9:8484')), undefined);
  for (const host of [undefined, '', 'a b:8484', '@evil.example:8484']) {
    const url = listenerUrlFor(OPEN, at(host));
    assert.ok(url === undefined || new URL(url).username === '', url);
  }
});
