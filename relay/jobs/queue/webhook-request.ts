import { createHmac } from 'node:crypto';
import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { type AddressGuard, guardedLookup, isForbiddenLiteral } from '../../outbound/guarded-lookup.ts';
import type { WebhookDelivery } from '../../store/queued-job-store.ts';

/** Sends word once; resolves with the HTTP status, rejects when there was none or the signal broke it off. */
export type SendWebhook = (delivery: WebhookDelivery, nowS: number, signal: AbortSignal) => Promise<number>;

const TIMEOUT_MS = 10_000;

/**
 * What is sent is signed as Standard Webhooks say: HMAC-SHA256 over `id.timestamp.body`, by the secret's bytes, which
 * are those of its base64 after `whsec_`.
 */
function signWebhook({ eventId, body, secret }: WebhookDelivery, nowS: number): string {
  const key = secret.startsWith('whsec_') ? Buffer.from(secret.slice('whsec_'.length), 'base64') : Buffer.from(secret);
  return `v1,${createHmac('sha256', key).update(`${eventId}.${nowS}.${body}`).digest('base64')}`;
}

/** Follows no redirects, and asks only addresses that are allowed, looked at after their name was resolved. */
export function createWebhookSender(guard: AddressGuard): SendWebhook {
  // A machine of a home has a link-local address beside its own.
  const lookup = guardedLookup(guard, { mixed: 'filtered', refusal: notAllowed });
  return (delivery, nowS, stop) => {
    const url = new URL(delivery.url);
    if (isForbiddenLiteral(url, guard)) return Promise.reject(notAllowed(url.hostname));
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
  return new Error(`${host} is no address that webhooks may lie on; relay.webhook_networks says which do`);
}
