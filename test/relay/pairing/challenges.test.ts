import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { createChallenges } from '../../../relay/pairing/challenges.ts';

const ASKER = { publicKey: 'U1', name: 'attic', nonce: 'n' };

test('[P4] a challenge is open for a minute, for who asked', () => {
  let now = 1_000_000;
  const challenges = createChallenges(() => now, randomBytes);
  const { challenge, expiresAt } = challenges.make(ASKER);
  assert.equal(expiresAt, now + 60_000);
  assert.match(challenge, /^[\w-]{72}$/);
  assert.ok(challenges.isOpen(challenge, ASKER));
  assert.ok(!challenges.isOpen(challenge, { ...ASKER, publicKey: 'U2' }));
  assert.ok(!challenges.isOpen(challenge, { ...ASKER, name: 'cellar' }));
  assert.ok(!challenges.isOpen(challenge, { ...ASKER, nonce: 'm' }));
  now += 59_999;
  assert.ok(challenges.isOpen(challenge, ASKER));
  now += 1;
  assert.ok(!challenges.isOpen(challenge, ASKER));
});

test('[P4] a challenge is spent once, also after others were', () => {
  let now = 0;
  const challenges = createChallenges(() => now, randomBytes);
  const { challenge } = challenges.make(ASKER);
  assert.ok(challenges.spend(challenge));
  assert.ok(!challenges.spend(challenge));
  now = 59_000;
  for (let i = 0; i < 100; i += 1) challenges.spend(challenges.make(ASKER).challenge);
  assert.ok(!challenges.isOpen(challenge, ASKER));
});

test('[P4] a challenge that was changed, or made by another run of the relay, is none', () => {
  const challenges = createChallenges(() => 0, randomBytes);
  const { challenge } = challenges.make(ASKER);
  for (let i = 0; i < challenge.length; i += 1) {
    const changed = `${challenge.slice(0, i)}${challenge[i] === 'A' ? 'B' : 'A'}${challenge.slice(i + 1)}`;
    assert.ok(!challenges.isOpen(changed, ASKER), `at ${i}`);
  }
  for (const text of ['', 'A', `${challenge}A`, `${challenge}=`, challenge.slice(4), '*'.repeat(72)]) {
    assert.ok(!challenges.isOpen(text, ASKER), text);
  }
  assert.ok(!createChallenges(() => 0, randomBytes).isOpen(challenge, ASKER));
});
