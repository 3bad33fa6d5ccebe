import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import type { DataFolder } from '../data-folder/data-folder.ts';
import { refuseNoFile } from '../data-folder/refuse-no-file.ts';
import { writeFileAtomically } from '../data-folder/secret-file.ts';
import type { RelayLog } from '../log.ts';
import { type CertificateAuthority, CLOCK_SKEW_MS, newTlsKey, toPrivatePem } from './certificate-authority.ts';

export type ServerCertificate = {
  /** Key, certificate and authority in one PEM file, so that nobody ever reads a key beside another's certificate. */
  readonly file: string;
  /** What the file holds now. */
  pem(): string;
  /** Called after the file has changed. */
  onRenewed(listener: () => void): void;
  close(): void;
};

export type ServerCertificateOptions = {
  folder: DataFolder;
  authority: CertificateAuthority;
  /** Asked again at every look. */
  names: () => string[];
  now: () => number;
  log: RelayLog;
};

/** Apple's systems take nothing longer than 825 days, some programs nothing longer than a quarter. */
const LIFETIME_MS = 90 * 24 * 60 * 60_000;
const RENEW_BEFORE_END_MS = LIFETIME_MS / 3;
const LOOK_EVERY_MS = 60 * 60_000;

/**
 * Keeps the relay's certificate valid: the one of the last run goes on; a new one with a new key is made when a third of
 * its life is left, or when the relay has a name that it does not bear.
 */
export function keepServerCertificate(options: ServerCertificateOptions): ServerCertificate {
  const { folder, authority, log } = options;
  folder.subfolder('tls');
  const file = folder.file('tls', 'server.pem');
  refuseNoFile(file);
  const listeners: Array<() => void> = [];
  let pem = readIfUsable(file, options) ?? renew(file, options);
  const timer = setInterval(() => {
    try {
      if (isUsable(pem, options)) return;
      pem = renew(file, options);
      log.info({ authority: authority.fingerprint }, 'the TLS certificate of the relay has been renewed');
      for (const listener of listeners) listener();
    } catch (error) {
      log.error({ err: error }, 'the TLS certificate could not be renewed; the relay tries again in an hour');
    }
  }, LOOK_EVERY_MS);
  timer.unref();
  return {
    file,
    pem: () => pem,
    onRenewed: (listener) => listeners.push(listener),
    close: () => clearInterval(timer),
  };
}

function renew(file: string, { authority, names, now }: ServerCertificateOptions): string {
  const { publicKey, privateKey } = newTlsKey();
  const certificate = authority.issueServer({
    names: names(),
    publicKey,
    notBefore: now() - CLOCK_SKEW_MS,
    notAfter: now() + LIFETIME_MS,
  });
  const pem = `${toPrivatePem(privateKey)}${certificate}${authority.certificate}`;
  writeFileAtomically(file, pem);
  return pem;
}

function readIfUsable(file: string, options: ServerCertificateOptions): string | undefined {
  try {
    const pem = readFileSync(file, 'utf8');
    return isUsable(pem, options) ? pem : undefined;
  } catch {
    // None yet, or a damaged one: what it held can be made again.
    return undefined;
  }
}

function isUsable(pem: string, { authority, names, now }: ServerCertificateOptions): boolean {
  // The parser takes the first certificate of several.
  const certificate = new X509Certificate(pem.slice(pem.indexOf('-----BEGIN CERTIFICATE-----')));
  const isOurs = certificate.verify(new X509Certificate(authority.certificate).publicKey);
  const endsIn = certificate.validToDate.getTime() - now();
  const bears = (name: string): boolean =>
    (isIP(name) === 0 ? certificate.checkHost(name) : certificate.checkIP(name)) !== undefined;
  return isOurs && endsIn > RENEW_BEFORE_END_MS && endsIn <= LIFETIME_MS && names().every(bears);
}
