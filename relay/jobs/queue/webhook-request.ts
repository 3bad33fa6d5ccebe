import { createHmac } from 'node:crypto';
import { lookup as lookUp } from 'node:dns';
import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { BlockList, isIP, type LookupFunction } from 'node:net';
import type { WebhookDelivery } from '../../store/queued-job-store.ts';

/** Sends word once; resolves with the HTTP status, rejects when there was none or the signal broke it off. */
export type SendWebhook = (delivery: WebhookDelivery, nowS: number, signal: AbortSignal) => Promise<number>;

const TIMEOUT_MS = 10_000;

const OWN = new BlockList();
OWN.addSubnet('127.0.0.0', 8, 'ipv4');
OWN.addSubnet('0.0.0.0', 8, 'ipv4');
OWN.addSubnet('169.254.0.0', 16, 'ipv4');
OWN.addAddress('::1', 'ipv6');
OWN.addAddress('::', 'ipv6');
OWN.addSubnet('fe80::', 10, 'ipv6');
// Where clouds tell their machines' secrets elsewhere than on link-local addresses: of Alibaba, Oracle and Amazon.
OWN.addAddress('100.100.100.200', 'ipv4');
OWN.addSubnet('192.0.0.0', 24, 'ipv4');
OWN.addAddress('fd00:ec2::254', 'ipv6');
// Many at once, and what is no address of one machine.
OWN.addSubnet('224.0.0.0', 3, 'ipv4');
OWN.addSubnet('ff00::', 8, 'ipv6');
// Addresses of version 4 in forms that nobody has any more.
OWN.addSubnet('::', 96, 'ipv6');
OWN.addSubnet('2002::', 16, 'ipv6');
/** Of networks that have version 6 alone, where every address of version 4 stands behind it (RFC 6052). */
const TRANSLATED = /^64:ff9b::([0-9a-f]{1,4}):([0-9a-f]{1,4})$/;

/** False for loopback and link-local addresses, which lead to services of the relay's machine or of its cloud. */
export function isBeyondThisMachine(given: string): boolean {
  // Without the name of a network card, which link-local addresses may have.
  const [address = ''] = given.split('%', 1);
  if (isIP(address) !== 6) return !OWN.check(address, 'ipv4');
  const [, high, low] = TRANSLATED.exec(new URL(`http://[${address}]`).hostname.slice(1, -1)) ?? [];
  if (high === undefined || low === undefined) return !OWN.check(address, 'ipv6');
  const [a, b] = [Number.parseInt(high, 16), Number.parseInt(low, 16)];
  return !OWN.check([a >> 8, a & 255, b >> 8, b & 255].join('.'), 'ipv4');
}

/**
 * What is sent is signed as Standard Webhooks say: HMAC-SHA256 over `id.timestamp.body`, by the secret's bytes, which
 * are those of its base64 after `whsec_`.
 */
export function signWebhook({ eventId, body, secret }: WebhookDelivery, nowS: number): string {
  const key = secret.startsWith('whsec_') ? Buffer.from(secret.slice('whsec_'.length), 'base64') : Buffer.from(secret);
  return `v1,${createHmac('sha256', key).update(`${eventId}.${nowS}.${body}`).digest('base64')}`;
}

/** Follows no redirects, and asks only addresses that are allowed, looked at after their name was resolved. */
export function createWebhookSender({ isAllowed }: { isAllowed: (address: string) => boolean }): SendWebhook {
  const lookup: LookupFunction = (host, options, done) => {
    lookUp(host, { ...options, all: true }, (error, addresses) => {
      const [first] = addresses?.filter(({ address }) => isAllowed(address)) ?? [];
      if (error !== null || first === undefined) done(error ?? notAllowed(host), '', 0);
      else if (options.all === true) done(null, [first]);
      else done(null, first.address, first.family);
    });
  };
  return (delivery, nowS, stop) => {
    const url = new URL(delivery.url);
    const host = url.hostname.replace(/^\[|\]$/g, '');
    // A literal address is never looked up.
    if (isIP(host) !== 0 && !isAllowed(host)) return Promise.reject(notAllowed(host));
    const headers = {
      'content-type': 'application/cloudevents+json; charset=utf-8',
      'content-length': Buffer.byteLength(delivery.body),
      'user-agent': 'Sparewatt-Webhook/1',
      'webhook-id': delivery.eventId,
      'webhook-timestamp': String(nowS),
      'webhook-signature': signWebhook(delivery, nowS),
    };
    const ask = url.protocol === 'https:' ? requestHttps : requestHttp;
    return new Promise((resolve, reject) => {
      const signal = AbortSignal.any([stop, AbortSignal.timeout(TIMEOUT_MS)]);
      const request = ask(url, { method: 'POST', headers, lookup, signal, agent: false }, (response) => {
        // Nothing of the answer counts but its status.
        response.destroy();
        resolve(response.statusCode ?? 0);
      });
      request.on('error', reject).end(delivery.body);
    });
  };
}

function notAllowed(host: string): Error {
  return new Error(`${host} is no address that webhooks may lie on`);
}
