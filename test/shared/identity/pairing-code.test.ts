import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { codeSecretsOf, newPairingCode, readPairingCode } from '../../../shared/identity/pairing-code.ts';
import { joinPageLink, pairingLink, parseInvitation } from '../../../shared/identity/pairing-link.ts';
import { isProblem } from '../../support/problems.ts';

const CODE = 'K7QF-2M9X-HB4T';
const RELAY_KEY = 'NCBLDRJFJ54APAUIYDL5R6Z6BJ5XHG6K3B3TA3BHL2EOTQIRCK55GEFE';

test('[P5] a code has three groups of letters that nobody confuses', () => {
  for (let i = 0; i < 1_000; i += 1) {
    assert.match(newPairingCode(randomBytes), /^[A-HJKMNP-Z2-9]{4}-[A-HJKMNP-Z2-9]{4}-[A-HJKMNP-Z2-9]{4}$/);
  }
});

test('[P5] every letter of a code is as likely as any other', () => {
  const counts = new Map<string, number>();
  let next = 0;
  // All bytes in turn: the letters are exactly even only if none of them is favoured.
  const everyByte = (size: number) => Uint8Array.from({ length: size }, () => next++ & 0xff);
  for (let i = 0; i < 3_100; i += 1) {
    for (const letter of newPairingCode(everyByte).replaceAll('-', '')) {
      counts.set(letter, (counts.get(letter) ?? 0) + 1);
    }
  }
  const all = [...counts.values()];
  assert.equal(all.length, 31);
  assert.ok(Math.max(...all) - Math.min(...all) < 0.05 * Math.max(...all), `${Math.min(...all)} ${Math.max(...all)}`);
});

test('a code is read as people type it', () => {
  for (const typed of [CODE, 'k7qf-2m9x-hb4t', ' K7QF 2M9X HB4T ', 'K7QF2M9XHB4T']) {
    assert.equal(readPairingCode(typed), CODE);
  }
  for (const typed of ['', 'K7QF-2M9X', `${CODE}A`, 'K7QF-2M9X-HB4O', 'K7QF_2M9X_HB4T', 'İ7QF-2M9X-HB4T']) {
    assert.equal(readPairingCode(typed), undefined, typed);
  }
});

test('[P5] what names a code and what proves it have nothing in common', async () => {
  const { id, secret } = await codeSecretsOf(CODE);
  assert.match(id, /^[\w-]{16}$/);
  assert.match(secret, /^[\w-]{43}$/);
  assert.ok(!secret.includes(id.slice(0, 6)));
  assert.deepEqual(await codeSecretsOf(CODE), { id, secret });
  assert.notEqual((await codeSecretsOf('K7QF-2M9X-HB4U')).id, id);
});

test('a link says what was put into it', () => {
  const invitation = { code: CODE, relayUrl: 'https://relay.example:8443', relayKey: RELAY_KEY };
  assert.deepEqual(parseInvitation(pairingLink(invitation)), invitation);
  assert.deepEqual(parseInvitation(' k7qf 2m9x hb4t\n'), { code: CODE });
});

test('the address of the page for browsers says the same, and a short one at least code and relay', () => {
  const whole = { code: CODE, relayUrl: 'https://relay.example:8443', relayKey: RELAY_KEY, authority: 'a'.repeat(43) };
  const page = joinPageLink(pairingLink(whole));
  assert.ok(page.startsWith(`https://relay.example:8443/join#code=${CODE}&`), page);
  assert.deepEqual(parseInvitation(page), whole);
  assert.deepEqual(parseInvitation(`http://10.0.0.7:8080/join#code=${CODE}`), {
    code: CODE,
    relayUrl: 'http://10.0.0.7:8080',
  });
});

test('a link or code with a slip is refused without being repeated', () => {
  const link = pairingLink({ code: CODE, relayUrl: 'https://relay.example', relayKey: RELAY_KEY });
  const wrong = [
    'K7QF-2M9X-HB40',
    link.replace('sparewatt:', 'https:'),
    link.replace('//pair?', '//other?'),
    link.replace('GEFE', 'GEFF'),
    link.replace(/&key=.*/, ''),
    link.replace('https%3A', 'file%3A'),
    link.replace('HB4T', 'HB4'),
    'sparewatt://pair',
    'sparewatt:',
    `https://relay.example/join?code=${CODE}`,
    `https://relay.example/elsewhere#code=${CODE}`,
    `https://relay.example@evil.example/join#code=${CODE}`,
    `ftp://relay.example/join#code=${CODE}`,
    `https://relay.example/join#code=${CODE}&key=NOKEY`,
    `https://relay.example/join#code=${CODE}&ca=x`,
    'https://relay.example/join',
  ];
  for (const text of wrong) {
    assert.throws(
      () => parseInvitation(text),
      (error: unknown) => {
        isProblem('invalid_option', /./)(error);
        assert.doesNotMatch(String(error), /M9X-HB4(?!T\. Check)/);
        return true;
      },
      text,
    );
  }
});
