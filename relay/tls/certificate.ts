import { createHash, createPublicKey, type KeyObject, randomBytes, sign } from 'node:crypto';
import { isIP } from 'node:net';
import { AsnConvert, OctetString } from '@peculiar/asn1-schema';
import {
  AlgorithmIdentifier,
  AttributeTypeAndValue,
  AttributeValue,
  AuthorityKeyIdentifier,
  BasicConstraints,
  Certificate,
  ExtendedKeyUsage,
  Extension,
  Extensions,
  GeneralName,
  id_ce_authorityKeyIdentifier,
  id_ce_basicConstraints,
  id_ce_extKeyUsage,
  id_ce_keyUsage,
  id_ce_subjectAltName,
  id_ce_subjectKeyIdentifier,
  id_kp_clientAuth,
  id_kp_serverAuth,
  KeyIdentifier,
  KeyUsage,
  KeyUsageFlags,
  Name,
  RelativeDistinguishedName,
  SubjectAlternativeName,
  SubjectKeyIdentifier,
  SubjectPublicKeyInfo,
  TBSCertificate,
  Validity,
  Version,
} from '@peculiar/asn1-x509';

/** What a certificate is good for. */
export type CertificateUse =
  | { kind: 'authority' }
  | { kind: 'server' /** Host names and IP addresses. */; names: readonly string[] }
  | { kind: 'client' };

export type CertificateOrder = {
  /** The common name. */
  subject: string;
  /** An ECDSA P-256 key. */
  publicKey: KeyObject;
  use: CertificateUse;
  /** Unix milliseconds, of which whole seconds count. */
  notBefore: number;
  notAfter: number;
  /** Who signs: a common name and a P-256 key. */
  issuer: { subject: string; privateKey: KeyObject };
};

const COMMON_NAME = '2.5.4.3';
const ECDSA_WITH_SHA256 = '1.2.840.10045.4.3.2';
const SERIAL_BYTES = 16;

/** Signs an X.509 certificate; PEM. The one file that knows the ASN.1 library. */
export function signCertificate(order: CertificateOrder): string {
  const signature = new AlgorithmIdentifier({ algorithm: ECDSA_WITH_SHA256 });
  const content = new TBSCertificate({
    version: Version.v3,
    serialNumber: newSerial(),
    signature,
    issuer: commonName(order.issuer.subject),
    validity: new Validity({ notBefore: new Date(order.notBefore), notAfter: new Date(order.notAfter) }),
    subject: commonName(order.subject),
    subjectPublicKeyInfo: AsnConvert.parse(spkiOf(order.publicKey), SubjectPublicKeyInfo),
    extensions: new Extensions(extensionsOf(order)),
  });
  const signed = sign('sha256', Buffer.from(AsnConvert.serialize(content)), order.issuer.privateKey);
  const certificate = new Certificate({
    tbsCertificate: content,
    signatureAlgorithm: signature,
    signatureValue: arrayBufferOf(signed),
  });
  return toPem(Buffer.from(AsnConvert.serialize(certificate)));
}

function extensionsOf({ use, publicKey, issuer }: CertificateOrder): Extension[] {
  const isAuthority = use.kind === 'authority';
  const usage = isAuthority ? KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign : KeyUsageFlags.digitalSignature;
  const constraints = isAuthority ? { cA: true, pathLenConstraint: 0 } : { cA: false };
  const signer = new KeyIdentifier(keyIdOf(createPublicKey(issuer.privateKey)));
  const extensions = [
    extension(id_ce_basicConstraints, new BasicConstraints(constraints), true),
    extension(id_ce_keyUsage, new KeyUsage(usage), true),
    extension(id_ce_subjectKeyIdentifier, new SubjectKeyIdentifier(keyIdOf(publicKey))),
    extension(id_ce_authorityKeyIdentifier, new AuthorityKeyIdentifier({ keyIdentifier: signer })),
  ];
  if (use.kind === 'authority') return extensions;
  // Apart from each other, so that no node can pass for the relay with the certificate it was given.
  const purpose = use.kind === 'server' ? id_kp_serverAuth : id_kp_clientAuth;
  extensions.push(extension(id_ce_extKeyUsage, new ExtendedKeyUsage([purpose])));
  if (use.kind === 'server') {
    extensions.push(extension(id_ce_subjectAltName, new SubjectAlternativeName(use.names.map(generalName))));
  }
  return extensions;
}

function extension(id: string, value: object, critical = false): Extension {
  return new Extension({ extnID: id, critical, extnValue: new OctetString(AsnConvert.serialize(value)) });
}

function generalName(name: string): GeneralName {
  return new GeneralName(isIP(name) === 0 ? { dNSName: name } : { iPAddress: name });
}

function commonName(text: string): Name {
  const value = new AttributeValue({ utf8String: text });
  return new Name([new RelativeDistinguishedName([new AttributeTypeAndValue({ type: COMMON_NAME, value })])]);
}

function newSerial(): ArrayBuffer {
  const serial = randomBytes(SERIAL_BYTES);
  // Positive, and without a leading zero that DER would forbid.
  serial[0] = ((serial[0] ?? 0) & 0x3f) | 0x40;
  return arrayBufferOf(serial);
}

function spkiOf(key: KeyObject): Buffer {
  return key.export({ type: 'spki', format: 'der' });
}

function keyIdOf(key: KeyObject): ArrayBuffer {
  return arrayBufferOf(createHash('sha1').update(spkiOf(key)).digest());
}

function arrayBufferOf(bytes: Buffer): ArrayBuffer {
  return new Uint8Array(bytes).buffer;
}

function toPem(der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}
