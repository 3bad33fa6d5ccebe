import { join, resolve } from 'node:path';
import {
  parseRememberedRelay,
  REMEMBERED_RELAY_FILE,
  type RememberedRelay,
} from '../../shared/config/remembered-relay.ts';
import { readText } from '../../shared/files/read-text.ts';
import { readIfThere } from '../data-folder/read-if-there.ts';
import { ORIGINS, type Resolution, type ResolvedSetting } from './resolve-settings.ts';

/** A node keeps its files apart from those of a relay that shares the data folder. */
export function nodeFolder(dataFolder: string): string {
  return join(dataFolder, 'node');
}

/**
 * Fills in what nobody gave and other things tell: a node goes to the relay that let it in, and a client asks the relay
 * that is configured on this machine.
 */
export function withImplied({ settings, faults }: Resolution, workingFolder: string): Resolution {
  const find = (section: string, key: string) => settings.find((row) => row.section === section && row.key === key);
  const implied = new Map<ResolvedSetting, Partial<ResolvedSetting>>();
  const found: string[] = [];
  const imply = (row: ResolvedSetting | undefined, what: Partial<ResolvedSetting>): void => {
    if (row?.origin === 'default') implied.set(row, what);
  };
  const [data, relay] = [find('program', 'data'), find('node', 'relay')];
  if (data !== undefined && relay !== undefined) {
    const file = join(nodeFolder(resolve(workingFolder, String(data.value))), REMEMBERED_RELAY_FILE);
    const remembered = readRemembered(file);
    if (remembered === 'damaged') {
      if (relay.origin === 'default') found.push(`${file} is damaged. Remove it, or give the relay with --relay.`);
    } else if (remembered !== undefined) {
      imply(relay, { value: remembered.relay, origin: 'remembered', place: file });
      imply(find('node', 'name'), { value: remembered.name, origin: 'remembered', place: file });
    }
  }
  imply(find('client', 'relay'), addressOf(find('relay', 'host'), find('relay', 'port'), find('relay', 'tls')));
  return { settings: settings.map((row) => ({ ...row, ...implied.get(row) })), faults: [...faults, ...found] };
}

function readRemembered(file: string): RememberedRelay | 'damaged' | undefined {
  try {
    const bytes = readIfThere(file);
    return bytes && (parseRememberedRelay(readText(bytes) ?? '') ?? 'damaged');
  } catch {
    return 'damaged';
  }
}

/** Where a relay with this host and port is reached from its own machine. */
function addressOf(
  host: ResolvedSetting | undefined,
  port: ResolvedSetting | undefined,
  tls: ResolvedSetting | undefined,
): Partial<ResolvedSetting> {
  if (host === undefined || port === undefined || port.value === 0) return {};
  const name = String(host.value);
  const isEverywhere = name === '0.0.0.0' || name === '::';
  const reached = isEverywhere ? '127.0.0.1' : name.includes(':') ? `[${name}]` : name;
  const higher = ORIGINS.indexOf(host.origin) > ORIGINS.indexOf(port.origin) ? host : port;
  return {
    value: `${tls?.value === true ? 'https' : 'http'}://${reached}:${port.value}`,
    origin: higher.origin,
    place: higher.place,
  };
}
