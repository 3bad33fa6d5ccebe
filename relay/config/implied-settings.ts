import { join, resolve } from 'node:path';
import {
  parseRememberedRelay,
  REMEMBERED_RELAY_FILE,
  type RememberedRelay,
} from '../../shared/config/remembered-relay.ts';
import { readText } from '../../shared/files/read-text.ts';
import { Problem } from '../../shared/problems/problem.ts';
import { readHolder } from '../data-folder/holder-file.ts';
import { readIfThere } from '../data-folder/read-if-there.ts';
import { nodeFolder, relayFolder } from './folders.ts';
import { ORIGINS, type Resolution, type ResolvedSetting } from './resolve-settings.ts';

/**
 * Fills in what nobody gave and other things tell: a node goes to the relay that let it in, or else to the one that runs with this
 * data folder; a client asks that one, or else the one that is configured on this machine.
 */
export function withImplied({ settings, faults }: Resolution, workingFolder: string): Resolution {
  const find = (section: string, key: string) => settings.find((row) => row.section === section && row.key === key);
  const implied = new Map<ResolvedSetting, Partial<ResolvedSetting>>();
  const found: string[] = [];
  const imply = (row: ResolvedSetting | undefined, what: Partial<ResolvedSetting>): void => {
    if (row?.origin === 'default') implied.set(row, what);
  };
  const [data, relay] = [find('program', 'data'), find('node', 'relay')];
  const folder = data === undefined ? undefined : resolve(workingFolder, String(data.value));
  const running = folder === undefined ? undefined : runningRelay(folder);
  const configured = addressOf(find('relay', 'host'), find('relay', 'port'), find('relay', 'tls'));
  imply(find('client', 'relay'), running ?? configured);
  if (running !== undefined) imply(relay, running);
  if (folder !== undefined && relay !== undefined) {
    const file = join(nodeFolder(folder), REMEMBERED_RELAY_FILE);
    const remembered = readRemembered(file);
    if (typeof remembered === 'string') {
      if (relay.origin === 'default') found.push(`${file} ${remembered}, or give the relay with --relay.`);
    } else if (remembered !== undefined) {
      imply(relay, { value: remembered.relay, origin: 'remembered', place: file });
      imply(find('node', 'name'), { value: remembered.name, origin: 'remembered', place: file });
    }
  }
  return { settings: settings.map((row) => ({ ...row, ...implied.get(row) })), faults: [...faults, ...found] };
}

const DAMAGED = 'is damaged. Remove it';
const UNREADABLE = 'cannot be read. Give this user the right to';

/** What is wrong with the file, and what to do, as the end of a sentence, where it cannot be used. */
function readRemembered(file: string): RememberedRelay | string | undefined {
  try {
    const bytes = readIfThere(file);
    return bytes && (parseRememberedRelay(readText(bytes) ?? '') ?? DAMAGED);
  } catch (error) {
    // Its sentence begins with the file.
    if (error instanceof Problem) return error.message.slice(`${file} `.length).replace(/\.$/, '');
    return UNREADABLE;
  }
}

/** Undefined where none runs, or has begun to listen. */
function runningRelay(dataFolder: string): Partial<ResolvedSetting> | undefined {
  const place = join(relayFolder(dataFolder), 'relay.pid');
  const { url } = readHolder(place) ?? {};
  return url === undefined || !/^https?:/.test(url) || !URL.canParse(url)
    ? undefined
    : { value: url, origin: 'running', place };
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
