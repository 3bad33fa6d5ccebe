import { isIP } from 'node:net';
import { kindOfAddress } from './address-kind.ts';

/** Where webhooks may lie; `private` is the internet and private networks. */
export type WebhookNetworks = 'public' | 'private';

/** Where a relay listens, and where clients reach it, if that is elsewhere. */
export type RelayPlace = { readonly host: string; readonly publicUrl?: string | undefined };

/**
 * What applies where the operator says nothing: private networks too, as long as the relay itself is for this machine or a private
 * network alone, whose clients could send to its other machines themselves. A relay on every address may stand anywhere, and
 * one that is reached by a name has a proxy before it; there somebody could send where only the relay reaches.
 */
export function usualWebhookNetworks({ host, publicUrl }: RelayPlace): WebhookNetworks {
  const reachedAt = publicUrl === undefined ? host : new URL(publicUrl).hostname.replace(/^\[|\]$/g, '');
  return isAtHome(host) && isAtHome(reachedAt) ? 'private' : 'public';
}

export function webhookGuard(networks: WebhookNetworks): (address: string) => boolean {
  return (address) => {
    const kind = kindOfAddress(address);
    return kind === 'public' || (kind === 'private' && networks === 'private');
  };
}

function isAtHome(host: string): boolean {
  const isThisMachine = host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
  return isThisMachine || kindOfAddress(host) === 'private';
}
