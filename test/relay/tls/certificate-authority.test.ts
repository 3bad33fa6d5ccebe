import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { createPrivateKey, generateKeyPairSync, X509Certificate } from 'node:crypto';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { openDataFolder } from '../../../relay/data-folder/data-folder.ts';
import { readOrCreateAuthority } from '../../../relay/tls/certificate-authority.ts';
import { certificateNames } from '../../../relay/tls/certificate-names.ts';
import { fingerprintOf } from '../../../shared/identity/certificate-fingerprint.ts';
import { afterTest } from '../../support/after-test.ts';
import { collectLog } from '../../support/log.ts';
import { HOUR_MS, newAuthority, nodeIdentity, serverIdentity } from '../../support/network/tls.ts';
import { isProblem } from '../../support/problems.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const hasOpenssl = spawnSync('openssl', ['version']).status === 0;
const needsOpenssl = { skip: hasOpenssl ? false : 'openssl is not installed here' };

test('[L1] an authority is made once, its key is readable by its owner alone, and its public file holds no key', (t) => {
  const path = temporaryFolder(t);
  const folder = openDataFolder(path, { log: collectLog() });
  afterTest(t, () => folder.close());
  const first = readOrCreateAuthority(folder, Date.now);
  const second = readOrCreateAuthority(folder, Date.now);
  assert.equal(second.certificate, first.certificate);
  assert.equal(second.fingerprint, first.fingerprint);
  if (process.platform !== 'win32') assert.equal(statSync(join(path, 'tls-authority.json')).mode & 0o777, 0o600);
  assert.equal(readFileSync(first.file, 'utf8'), first.certificate);
  assert.doesNotMatch(first.certificate, /PRIVATE/);
  const { ca, publicKey, subject } = new X509Certificate(first.certificate);
  assert.deepEqual(
    [ca, publicKey.asymmetricKeyDetails?.namedCurve, subject],
    [true, 'prime256v1', 'CN=Sparewatt relay'],
  );
});

test(
  '[L1] openssl takes a server’s certificate for a server and a node’s for a client, and never the other way round',
  needsOpenssl,
  (t) => {
    const authority = newAuthority(t);
    const folder = temporaryFolder(t);
    const write = (name: string, text: string): string => {
      writeFileSync(join(folder, name), text);
      return join(folder, name);
    };
    const ca = write('ca.pem', authority.certificate);
    const server = write('server.pem', serverIdentity(authority).cert);
    const node = write('node.pem', nodeIdentity(authority).cert);
    const verify = (purpose: string, file: string): boolean =>
      spawnSync('openssl', ['verify', '-x509_strict', '-purpose', purpose, '-CAfile', ca, file]).status === 0;
    assert.deepEqual([verify('sslserver', server), verify('sslclient', node)], [true, true]);
    assert.deepEqual([verify('sslclient', server), verify('sslserver', node)], [false, false]);
    const text = execFileSync('openssl', ['x509', '-in', node, '-noout', '-text']).toString();
    assert.match(text, /Digital Signature/);
    assert.match(text, /CA:FALSE/);
  },
);

test('[L1] the signature of an authority is under its certificates and under no other’s', (t) => {
  const [ours, theirs] = [newAuthority(t), newAuthority(t)];
  const certificate = new X509Certificate(nodeIdentity(ours).cert);
  assert.equal(certificate.verify(new X509Certificate(ours.certificate).publicKey), true);
  assert.equal(certificate.verify(new X509Certificate(theirs.certificate).publicKey), false);
  assert.equal(certificate.checkIssued(new X509Certificate(ours.certificate)), true);
  assert.notEqual(certificate.serialNumber, new X509Certificate(nodeIdentity(ours).cert).serialNumber);
});

test('[L3] a node’s certificate names its id, is for its key and ends with its credentials', (t) => {
  const authority = newAuthority(t);
  const expiresAt = Math.floor(Date.now() / 1_000) + 3_600;
  const { key, cert } = nodeIdentity(authority, 'attic-pc-k3vxq2mzla', expiresAt);
  const certificate = new X509Certificate(cert);
  assert.equal(certificate.subject, 'CN=attic-pc-k3vxq2mzla');
  assert.equal(certificate.checkPrivateKey(createPrivateKey(key)), true);
  assert.equal(certificate.validToDate.getTime(), expiresAt * 1_000);
  assert.ok(certificate.validFromDate.getTime() <= Date.now() - HOUR_MS / 2, 'clocks may differ');
});

test('[L3] no certificate is made out for anything but a key on P-256', (t) => {
  const authority = newAuthority(t);
  const others = [
    generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey,
    generateKeyPairSync('ed25519').publicKey,
    generateKeyPairSync('rsa', { modulusLength: 1_024 }).publicKey,
  ].map((key) => key.export({ type: 'spki', format: 'der' }).toString('base64url'));
  for (const publicKey of [...others, 'A'.repeat(122), '']) {
    const order = { nodeId: 'attic-a', publicKey, expiresAt: 2_000_000_000 };
    assert.throws(() => authority.issueNode(order), isProblem('invalid_value', /P-256/));
  }
});

test('an authority has one fingerprint, whoever computes it, and text that is no certificate has none', async (t) => {
  const { certificate, fingerprint } = newAuthority(t);
  assert.equal(await fingerprintOf(certificate), fingerprint);
  assert.match(fingerprint, /^[\w-]{43}$/);
  for (const text of ['', 'x', certificate + certificate, certificate.replace('BEGIN', 'END')]) {
    await assert.rejects(fingerprintOf(text), TypeError);
  }
});

test('a relay bears the name of its public URL, those its operator adds, its address, and those of its machine', () => {
  const names = certificateNames({
    host: '192.0.2.9',
    publicUrl: 'https://relay.example:8443',
    more: ['relay.lan', '[::1]'],
  });
  assert.deepEqual(names.slice(0, 4), ['relay.example', 'relay.lan', '::1', '192.0.2.9']);
  for (const name of ['localhost', '127.0.0.1', '::1']) assert.ok(names.includes(name), name);
  assert.equal(new Set(names).size, names.length);
  assert.ok(!certificateNames({ host: '0.0.0.0' }).includes('0.0.0.0'));
});
