import assert from 'node:assert/strict';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { openDataFolder } from '../../../relay/data-folder/data-folder.ts';
import { readOrCreateAuthority } from '../../../relay/tls/certificate-authority.ts';
import { keepServerCertificate, type ServerCertificate } from '../../../relay/tls/server-certificate.ts';
import { afterTest } from '../../support/after-test.ts';
import { collectLog } from '../../support/log.ts';
import { DAY_MS, HOUR_MS } from '../../support/network/tls.ts';
import { mockTime } from '../../support/pending-timers.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const T0 = 1_790_000_000_000;

function setUp(t: TestContext) {
  const time = mockTime(t);
  const clock = { now: T0 };
  const log = collectLog();
  const folder = openDataFolder(temporaryFolder(t), { log, now: () => clock.now });
  afterTest(t, () => folder.close());
  const now = (): number => clock.now;
  const authority = readOrCreateAuthority(folder, now);
  const names = ['relay.lan', '192.0.2.9'];
  const open = (): ServerCertificate => {
    const certificate = keepServerCertificate({ folder, authority, names: () => names, now, log });
    afterTest(t, certificate.close);
    return certificate;
  };
  const pass = (ms: number): void => {
    clock.now += ms;
    time.tick(ms);
  };
  return { open, pass, names, time, log };
}

function serialOf({ file }: ServerCertificate): string {
  return certificateIn(readFileSync(file, 'utf8')).serialNumber;
}

function certificateIn(pem: string): X509Certificate {
  return new X509Certificate(pem.slice(pem.indexOf('-----BEGIN CERTIFICATE-----')));
}

test('[L7] a certificate is renewed when a third of its life is left, with a new key, and again after that', (t) => {
  const { open, pass } = setUp(t);
  const certificate = open();
  let renewals = 0;
  certificate.onRenewed(() => {
    renewals += 1;
  });
  const first = serialOf(certificate);
  pass(59 * DAY_MS);
  assert.deepEqual([renewals, serialOf(certificate)], [0, first]);
  pass(DAY_MS + HOUR_MS);
  assert.equal(renewals, 1);
  const second = certificateIn(certificate.pem());
  assert.notEqual(second.serialNumber, first);
  assert.equal(second.checkPrivateKey(createPrivateKey(certificate.pem())), true);
  assert.equal(second.validToDate.getTime(), T0 + 60 * DAY_MS + HOUR_MS + 90 * DAY_MS);
  assert.equal(readFileSync(certificate.file, 'utf8'), certificate.pem());
  pass(61 * DAY_MS);
  assert.equal(renewals, 2);
});

test('[L7] a certificate is renewed when the relay has a name that it does not bear', (t) => {
  const { open, pass, names } = setUp(t);
  const certificate = open();
  const bears = (name: string): boolean => certificateIn(certificate.pem()).checkHost(name) !== undefined;
  assert.ok(bears('relay.lan') && !bears('relay.example'));
  assert.ok(certificateIn(certificate.pem()).checkIP('192.0.2.9'));
  names.push('relay.example');
  pass(HOUR_MS);
  assert.ok(bears('relay.lan') && bears('relay.example'));
  const { serialNumber } = certificateIn(certificate.pem());
  names.pop();
  pass(HOUR_MS);
  assert.equal(certificateIn(certificate.pem()).serialNumber, serialNumber, 'one name too many is no reason');
});

test('a certificate outlives the relay that made it, unless it is damaged or nearly over', (t) => {
  const { open, pass } = setUp(t);
  const certificate = open();
  const serial = serialOf(certificate);
  certificate.close();
  assert.equal(serialOf(open()), serial);
  writeFileSync(certificate.file, 'nonsense');
  const third = serialOf(open());
  assert.notEqual(third, serial);
  pass(DAY_MS);
  assert.equal(serialOf(open()), third);
  pass(61 * DAY_MS);
  assert.notEqual(serialOf(open()), third);
});

test('the file with the relay’s TLS key is readable by its owner alone, and a closed keeper leaves no timer', (t) => {
  const { open, time } = setUp(t);
  const certificate = open();
  if (process.platform !== 'win32') assert.equal(statSync(certificate.file).mode & 0o777, 0o600);
  certificate.close();
  assert.equal(time.pending(), 0);
});
