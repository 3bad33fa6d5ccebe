import { createHash, createPrivateKey, generateKeyPairSync, type KeyObject, X509Certificate } from 'node:crypto';
import { Type } from 'typebox';
import type { DataFolder } from '../data-folder/data-folder.ts';
import { refuseNoFile } from '../data-folder/refuse-no-file.ts';
import { writeFileAtomically } from '../data-folder/secret-file.ts';
import { signCertificate } from './certificate.ts';
import { readNodeKey } from './node-key.ts';

/** The relay's own small certificate authority: it vouches for the relay and for its nodes, and for nobody else. */
export type CertificateAuthority = {
  /** PEM. */
  readonly certificate: string;
  /** Where the certificate lies, for programs that are to trust it. */
  readonly file: string;
  /** SHA-256 of the certificate, base64url. */
  readonly fingerprint: string;
  /** A certificate for the relay under these names; PEM. */
  issueServer(order: { names: readonly string[]; publicKey: KeyObject; notBefore: number; notAfter: number }): string;
  /**
   * A certificate for a node, whose id is its common name; PEM. `publicKey` is an ECDSA P-256 key, SPKI in base64url;
   * `expiresAt` Unix seconds. Errors: `invalid_value` for any other key.
   */
  issueNode(order: { nodeId: string; publicKey: string; expiresAt: number }): string;
};

const Authority = Type.Object({ key: Type.String(), certificate: Type.String() });
const SUBJECT = 'Sparewatt relay';
/** Longer than any machine lives; whoever takes the key can no more be stopped by its end. */
const LIFETIME_MS = 20 * 365 * 24 * 60 * 60_000;
/** Clocks of relay and node may differ. */
export const CLOCK_SKEW_MS = 60 * 60_000;

/**
 * The authority of this data folder, made on the first start with TLS and kept in `tls-authority.json`. Its public half
 * is written anew to `tls/ca.pem`.
 */
export function readOrCreateAuthority(folder: DataFolder, now: () => number): CertificateAuthority {
  const kept = folder.readOrCreateSecretFile('tls-authority.json', Authority, () => createAuthority(now()));
  const privateKey = createPrivateKey(kept.key);
  folder.subfolder('tls');
  const file = folder.file('tls', 'ca.pem');
  refuseNoFile(file);
  writeFileAtomically(file, kept.certificate);
  const issuer = { subject: SUBJECT, privateKey };
  return {
    certificate: kept.certificate,
    file,
    fingerprint: createHash('sha256').update(new X509Certificate(kept.certificate).raw).digest('base64url'),
    issueServer: ({ names, ...order }) =>
      signCertificate({ ...order, subject: names[0] ?? SUBJECT, use: { kind: 'server', names }, issuer }),
    issueNode: ({ nodeId, publicKey, expiresAt }) =>
      signCertificate({
        subject: nodeId,
        publicKey: readNodeKey(publicKey),
        use: { kind: 'client' },
        notBefore: now() - CLOCK_SKEW_MS,
        notAfter: expiresAt * 1_000,
        issuer,
      }),
  };
}

/** A new key for ECDSA P-256. */
export function newTlsKey(): { publicKey: KeyObject; privateKey: KeyObject } {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' });
}

export function toPrivatePem(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString();
}

function createAuthority(now: number): { key: string; certificate: string } {
  const { publicKey, privateKey } = newTlsKey();
  const certificate = signCertificate({
    subject: SUBJECT,
    publicKey,
    use: { kind: 'authority' },
    notBefore: now - CLOCK_SKEW_MS,
    notAfter: now + LIFETIME_MS,
    issuer: { subject: SUBJECT, privateKey },
  });
  return { key: toPrivatePem(privateKey), certificate };
}
