import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { test } from 'node:test';
import { affinityOf } from '../../../relay/scheduler/affinity.ts';
import { createWarmSessions } from '../../../shared/agent/warm-sessions.ts';
import { LIMITS } from '../../../shared/protocol/limits.ts';
import { settled } from '../../support/pending-timers.ts';

const crypto = { sha256Hex: (content: string | Uint8Array) => hash('sha256', content, 'hex') };
const SALT = 'salt-of-a-relay-1';
const messages = [
  { role: 'system', content: 'Be brief.' },
  { role: 'user', content: 'Hello' },
];

test('[S13] tells a conversation by the digest that its relay looks for, and by another to each salt', async () => {
  const warm = createWarmSessions(crypto);
  const key = warm.keyOf({ client: 'key-1', model: 'm', messages });
  warm.noted('m', [String(key)]);
  await settled();
  assert.deepEqual(warm.current(), [], 'nothing without a salt');
  warm.salted(SALT);
  await settled();
  const later = [...messages, { role: 'assistant', content: 'Hi' }, { role: 'user', content: 'And now?' }];
  const wanted = affinityOf({ model: 'm', apiKeyId: 'key-1', messages: later }, SALT);
  assert.deepEqual(warm.current(), [wanted?.key]);
  assert.notEqual(affinityOf({ model: 'm', apiKeyId: 'key-2', messages }, SALT)?.key, wanted?.key);
  warm.salted('salt-of-a-relay-2');
  await settled();
  assert.notDeepEqual(warm.current(), [wanted?.key]);
});

test('[S13] tells a bounded number, of the model that worked last first, and of none that is out of memory', async () => {
  const warm = createWarmSessions(crypto);
  const digestOf = (key: string): string => hash('sha256', `${SALT}\n${key}`, 'hex').slice(0, 16);
  warm.salted(SALT);
  warm.noted('a', ['a1', 'a2']);
  warm.noted(
    'b',
    Array.from({ length: 40 }, (_, at) => `b${at}`),
  );
  warm.noted('a', ['a1', 'a2']);
  await settled();
  assert.equal(warm.current().length, LIMITS.warmSessions);
  assert.deepEqual(warm.current().slice(0, 3), ['a1', 'a2', 'b0'].map(digestOf));
  warm.keepOnly((model) => model === 'b');
  await settled();
  assert.equal(warm.current()[0], digestOf('b0'));
});
