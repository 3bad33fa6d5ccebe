import type { SecureContextOptions, TlsOptions } from 'node:tls';
import type { DataFolder } from '../data-folder/data-folder.ts';
import type { RelayLog } from '../log.ts';
import { type CertificateAuthority, readOrCreateAuthority } from './certificate-authority.ts';
import { certificateNames, type ListeningPlace } from './certificate-names.ts';
import { keepServerCertificate } from './server-certificate.ts';

/** Everything a relay needs to speak TLS and to know its nodes by it. */
export type RelayTls = {
  readonly authority: CertificateAuthority;
  /** For nats-server: files in PEM. */
  readonly files: { certificate: string; authority: string };
  /**
   * For the HTTP server, which asks for a certificate and lets in who has none: programs that call the API need not
   * have one.
   */
  httpsOptions(): TlsOptions;
  /** There is a new certificate; connections that are open go on. */
  onRenewed(listener: (context: SecureContextOptions) => void): void;
  close(): void;
};

export type RelayTlsOptions = { folder: DataFolder; place: ListeningPlace; now: () => number; log: RelayLog };

export function openRelayTls({ folder, place, now, log }: RelayTlsOptions): RelayTls {
  const authority = readOrCreateAuthority(folder, now);
  const server = keepServerCertificate({ folder, authority, names: () => certificateNames(place), now, log });
  const context = (): SecureContextOptions => ({
    key: server.pem(),
    cert: server.pem(),
    ca: authority.certificate,
    minVersion: 'TLSv1.2',
  });
  return {
    authority,
    files: { certificate: server.file, authority: authority.file },
    httpsOptions: () => ({ ...context(), requestCert: true, rejectUnauthorized: false }),
    onRenewed: (listener) => server.onRenewed(() => listener(context())),
    close: server.close,
  };
}
