import { base64ToBytes, bytesToBase64Url } from '../protocol/base64.ts';

const PEM = /^-----BEGIN CERTIFICATE-----\s([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----\s*$/;

/** SHA-256 of a certificate's DER, base64url: how a link names an authority. Throws a `TypeError` for what is not one PEM. */
export async function fingerprintOf(certificate: string): Promise<string> {
  const body = PEM.exec(certificate)?.[1];
  if (body === undefined) throw new TypeError('This is not one certificate in PEM.');
  const der = base64ToBytes(body.replace(/\s/g, ''));
  return bytesToBase64Url(new Uint8Array(await crypto.subtle.digest('SHA-256', der)));
}
