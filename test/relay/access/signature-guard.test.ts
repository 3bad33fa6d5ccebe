import assert from 'node:assert/strict';
import { hash, randomUUID } from 'node:crypto';
import { test } from 'node:test';
import {
  EMPTY_DIGEST,
  SIGNATURE_HEADERS,
  type SignedParts,
  signatureOf,
  textToSign,
} from '../../../relay/access/request-signature.ts';
import { createSignatureGuard, type SignedRequest } from '../../../relay/access/signature-guard.ts';
import { deriveSigningSecrets } from '../../../relay/access/signing-secrets.ts';
import { isProblem } from '../../support/problems.ts';
import { T0 } from '../store/store-records.ts';

const secrets = deriveSigningSecrets('the seed of a relay');
const DIGEST = hash('sha256', '{"a":1}', 'hex');
const signer = { keyId: 'key_a', since: T0 };

function setUp() {
  const clock = { now: T0 };
  return { clock, guard: createSignatureGuard({ secrets, now: () => clock.now }) };
}

function signedAt(ms: number, changes: Partial<SignedParts> = {}, secret = secrets.of('key_a')): SignedRequest {
  const timestamp = `${Math.floor(ms / 1_000)}`;
  const usual = { method: 'POST', target: '/v1/jobs?x=1', timestamp, nonce: randomUUID(), digest: DIGEST };
  const parts: SignedParts = { ...usual, ...changes };
  const headers = {
    [SIGNATURE_HEADERS.timestamp]: parts.timestamp,
    [SIGNATURE_HEADERS.nonce]: parts.nonce,
    [SIGNATURE_HEADERS.digest]: parts.digest,
    [SIGNATURE_HEADERS.signature]: signatureOf(parts, secret),
    'content-length': parts.digest === EMPTY_DIGEST ? '0' : '7',
  };
  return { method: parts.method, target: parts.target, headers };
}

test('signs the six lines that the document names', () => {
  const parts = { method: 'GET', target: '/v1/models', timestamp: '1790000000', nonce: 'n'.repeat(16), digest: 'd' };
  assert.equal(textToSign(parts), `sparewatt-hmac-v1\nGET\n/v1/models\n1790000000\n${'n'.repeat(16)}\nd`);
});

test('passes a signed request and says what its body must be', () => {
  const { guard } = setUp();
  assert.equal(guard.admit(signedAt(T0), signer), DIGEST);
});

test('refuses what was signed otherwise than it came', () => {
  const { guard } = setUp();
  const request = signedAt(T0);
  const altered: SignedRequest[] = [
    { ...request, method: 'DELETE' },
    { ...request, target: '/v1/jobs?x=2' },
    { ...request, target: '/v1/jobs' },
    { ...request, headers: { ...request.headers, [SIGNATURE_HEADERS.timestamp]: `${T0 / 1_000 + 1}` } },
    { ...request, headers: { ...request.headers, [SIGNATURE_HEADERS.nonce]: randomUUID() } },
    { ...request, headers: { ...request.headers, [SIGNATURE_HEADERS.digest]: EMPTY_DIGEST } },
    signedAt(T0, {}, secrets.of('key_b')),
    signedAt(T0, {}, deriveSigningSecrets('another relay').of('key_a')),
  ];
  for (const one of altered)
    assert.throws(() => guard.admit(one, signer), isProblem('signature_invalid', /does not fit/));
  assert.equal(guard.admit(request, signer), DIGEST, 'what strangers made of it has not spent its nonce');
});

test('refuses missing and malformed headers by their names', () => {
  const { guard } = setUp();
  for (const name of Object.values(SIGNATURE_HEADERS)) {
    const request = signedAt(T0);
    for (const value of [undefined, '', 'x', 'a\nb', `${request.headers[name]}0`.repeat(9)]) {
      const broken = { ...request, headers: { ...request.headers, [name]: value } };
      assert.throws(() => guard.admit(broken, signer), isProblem('signature_required', new RegExp(name)));
    }
  }
});

test('takes clocks that are five minutes slow or five seconds fast, and no others', () => {
  const { guard } = setUp();
  for (const skewMs of [-300_000, -1_000, 0, 5_000]) guard.admit(signedAt(T0 + skewMs), signer);
  for (const skewMs of [-301_000, 6_000, 3_600_000]) {
    assert.throws(() => guard.admit(signedAt(T0 + skewMs), signer), isProblem('signature_expired', /clock/));
  }
});

test('takes requests in any order, each once, until they are too old', () => {
  const { clock, guard } = setUp();
  const [first, second] = [signedAt(T0), signedAt(T0 + 2_000)];
  guard.admit(second, signer);
  guard.admit(first, signer);
  for (let minute = 0; minute <= 5; minute += 1) {
    clock.now = T0 + minute * 60_000;
    for (const one of [first, second])
      assert.throws(() => guard.admit(one, signer), isProblem('nonce_repeated', /used before/));
  }
  for (const later of [303_000, 420_000]) {
    clock.now = T0 + later;
    for (const one of [first, second])
      assert.throws(() => guard.admit(one, signer), isProblem('signature_expired', /signed/));
  }
});

test('after a start refuses what an earlier run may have taken, and asks a key that is new for nothing more', () => {
  const { clock, guard } = setUp();
  const older = { keyId: 'key_a', since: T0 - 1 };
  assert.throws(() => guard.admit(signedAt(T0 + 5_000), older), isProblem('signature_expired', /anew in 6000 ms/));
  clock.now = T0 + 6_000;
  assert.throws(() => guard.admit(signedAt(T0 + 5_000), older), isProblem('signature_expired', /started after/));
  assert.equal(guard.admit(signedAt(T0 + 6_000), older), DIGEST);
});

test('refuses a body that is not there, and takes one whose length is not told', () => {
  const { guard } = setUp();
  const { headers, ...request } = signedAt(T0);
  const { 'content-length': _, ...without } = headers;
  assert.throws(
    () => guard.admit({ ...request, headers: without }, signer),
    isProblem('body_altered', /Sign the bytes/),
  );
  const { headers: others, ...again } = signedAt(T0);
  const { 'content-length': __, ...untold } = others;
  assert.equal(guard.admit({ ...again, headers: { ...untold, 'transfer-encoding': 'chunked' } }, signer), DIGEST);
  assert.equal(guard.admit(signedAt(T0, { method: 'GET', digest: EMPTY_DIGEST }), signer), EMPTY_DIGEST);
});

test('gives each key a secret of its own, the same on every start', () => {
  assert.match(secrets.of('key_a'), /^sw-sign-[\w-]{43}$/);
  assert.notEqual(secrets.of('key_a'), secrets.of('key_b'));
  assert.equal(deriveSigningSecrets('the seed of a relay').of('key_a'), secrets.of('key_a'));
});
