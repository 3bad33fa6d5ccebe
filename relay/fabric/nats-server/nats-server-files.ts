import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';
import { refuseNoFile } from '../../data-folder/refuse-no-file.ts';
import { writeFileAtomically } from '../../data-folder/secret-file.ts';
import { type NatsPorts, natsLogFile } from './nats-config.ts';

/** Which server was started last; by it a later process finds that server again. */
const ServerRecord = Type.Object({
  pid: Type.Integer({ minimum: 1 }),
  serverName: Type.String(),
  /** Of the configuration it runs with. */
  digest: Type.String(),
  /** Which watch may end it when its relay is gone; none may when absent. */
  watch: Type.Optional(Type.String()),
});
export type ServerRecord = Static<typeof ServerRecord>;

/** The files of one nats-server, all in one folder. */
export type ServerFiles = {
  readonly folder: string;
  readonly config: string;
  readonly record: string;
  /** What the server prints before it has opened its log. */
  readonly output: string;
  writeConfig(text: string): void;
  readRecord(): ServerRecord | undefined;
  writeRecord(record: ServerRecord): void;
  /** The ports the server `pid` listens on, or undefined while it has not said so. */
  readPorts(pid: number): NatsPorts | undefined;
  /** Pids of which a port list is left. */
  pidsWithPorts(): number[];
  /** Removes record and port lists, once no server is left. */
  forget(): void;
};

const PORTS_FILE = /_(\d+)\.ports$/;

export function serverFiles(folder: string): ServerFiles {
  const portsFolder = join(folder, 'ports');
  mkdirSync(portsFolder, { recursive: true, mode: 0o700 });
  const record = join(folder, 'server.json');
  const config = join(folder, 'nats-server.conf');
  const output = join(folder, 'nats-server.out');
  for (const file of [record, config, output, natsLogFile(folder)]) refuseNoFile(file);
  const portLists = (): string[] => {
    // Whoever deletes the data folder under a running relay must still be able to stop it.
    if (!existsSync(portsFolder)) return [];
    return readdirSync(portsFolder).filter((name) => PORTS_FILE.test(name));
  };
  return {
    folder,
    config,
    record,
    output,
    writeConfig: (text) => writeFileAtomically(config, text),
    readRecord: () => {
      const value = readJson(record);
      return Value.Check(ServerRecord, value) ? value : undefined;
    },
    writeRecord: (value) => writeFileAtomically(record, JSON.stringify(value)),
    readPorts: (pid) => {
      const name = portLists().find((list) => list.endsWith(`_${pid}.ports`));
      return name === undefined ? undefined : portsOf(readJson(join(portsFolder, name)));
    },
    pidsWithPorts: () => portLists().map((name) => Number(PORTS_FILE.exec(name)?.[1])),
    forget: () => {
      for (const name of portLists()) rmSync(join(portsFolder, name), { force: true });
      rmSync(record, { force: true });
    },
  };
}

const PortList = Type.Object({
  nats: Type.Array(Type.String(), { minItems: 1 }),
  websocket: Type.Array(Type.String(), { minItems: 1 }),
});

function portsOf(value: unknown): NatsPorts | undefined {
  if (!Value.Check(PortList, value)) return undefined;
  const [nats, websocket] = [value.nats[0], value.websocket[0]].map((url) => Number(new URL(url ?? '').port));
  return nats && websocket ? { nats, websocket } : undefined;
}

/** A file that is missing or half written reads as nothing. */
function readJson(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}
