import type { Command } from 'commander';
import type { ClientSettings } from '../../config/client-settings.ts';
import { settingsOf } from '../../config/load-settings.ts';
import { readAdminToken, readApiKey } from '../client/local-relay.ts';
import { trustRelayOf } from '../client/relay-authority.ts';
import { signRequestsOf } from '../client/signed-request.ts';
import { addSettingOptions, loadFromOptions, type SettingOptions } from './setting-options.ts';

/** Those of the relay tell where the one of this machine is. */
const SECTIONS = ['program', 'client', 'relay'] as const;

/** Gives a command that asks a relay its flags, beside those of a command of its own. */
export function addClientOptions(command: Command, own: readonly (keyof ClientSettings)[]): Command {
  const keys = own.includes('api_key') ? [...own, 'signing_secret'] : own;
  return addSettingOptions(command, SECTIONS, ['data', 'client.relay', ...keys.map((key) => `client.${key}`)]);
}

/** Whom to ask, and with what. Errors: `invalid_setting`, `invalid_api_key` when no key is found. */
export async function readClient(
  options: SettingOptions,
): Promise<{ relayUrl: string; apiKey: string; model: string | undefined }> {
  const { relayUrl, data, client } = load(options);
  const apiKey = client.api_key ?? (await readApiKey(data));
  if (client.signing_secret !== undefined) signRequestsOf(apiKey, client.signing_secret);
  return { relayUrl, model: client.model, apiKey };
}

/** The same for what only the operator may. Errors: `invalid_setting`, `invalid_api_key` when no token is found. */
export async function readOperator(options: SettingOptions): Promise<{ relayUrl: string; adminToken: string }> {
  const { relayUrl, data, client } = load(options);
  return { relayUrl, adminToken: client.admin_token ?? (await readAdminToken(data)) };
}

/** Whom to ask as a client or, where that is wished, as the operator. Errors: those of both. */
export async function readEither(
  options: SettingOptions,
  asOperator: boolean,
): Promise<{ relayUrl: string; key: string }> {
  if (!asOperator) {
    const { relayUrl, apiKey } = await readClient(options);
    return { relayUrl, key: apiKey };
  }
  const { relayUrl, adminToken } = await readOperator(options);
  return { relayUrl, key: adminToken };
}

/** Errors: `invalid_setting`. */
export function readDataFolder(options: SettingOptions): string {
  return load(options).data;
}

function load(options: SettingOptions): { relayUrl: string; data: string; client: ClientSettings } {
  const loaded = loadFromOptions(SECTIONS, options);
  const client = settingsOf(loaded, 'client');
  const { data } = settingsOf(loaded, 'program');
  trustRelayOf(data);
  return { relayUrl: client.relay.replace(/\/+$/, ''), data, client };
}
