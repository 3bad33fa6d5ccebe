import { InvalidArgumentError, Option } from 'commander';
import { defaultDataFolder } from '../config/program-settings.ts';

export function dataOption(): Option {
  return new Option('--data <dir>', 'folder that keeps keys, database and models')
    .env('SPAREWATT_DATA')
    .default(defaultDataFolder(), 'the data folder of your user');
}

export const DEFAULT_PORT = 8484;
export const DEFAULT_RELAY = `http://127.0.0.1:${DEFAULT_PORT}`;

export function relayOption(): Option {
  return new Option('--relay <url>', 'address of the relay').env('SPAREWATT_RELAY').argParser(parseUrl);
}

export function adminTokenOption(): Option {
  return new Option(
    '--admin-token <token>',
    'admin token of the relay (default: that of the relay in the data folder)',
  ).env('SPAREWATT_ADMIN_TOKEN');
}

export function portOption(): Option {
  return new Option('--port <number>', 'TCP port; 0 takes a free one').default(DEFAULT_PORT).argParser(parsePort);
}

export function logLevelOption(): Option {
  return new Option('--log-level <level>', 'how much is logged to stderr')
    .choices(['debug', 'info', 'warn', 'error', 'silent'])
    .default('info');
}

export function parsePort(text: string): number {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) throw new InvalidArgumentError('A port is 0 to 65535.');
  return port;
}

export function parseCount(text: string): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1) throw new InvalidArgumentError('A whole number from 1.');
  return count;
}

export function parseUrl(text: string): string {
  if (!URL.canParse(text) || !/^https?:/.test(text)) {
    throw new InvalidArgumentError('An address such as http://127.0.0.1:8484.');
  }
  return text.replace(/\/+$/, '');
}
