import { setImmediate as nextTurn } from 'node:timers/promises';
import pino from 'pino';
import { createApp } from '../../../relay/app.ts';
import { createServices } from '../../../relay/compose/create-services.ts';
import { openDataFolder } from '../../../relay/data-folder/data-folder.ts';
import { readOrCreateKeys } from '../../../relay/data-folder/keys.ts';
import { openFabric } from '../../../relay/fabric/open-fabric.ts';
import { SHELF_FILE } from '../../../relay/jobs/record-shelf.ts';
import { openNodeRegister } from '../../../relay/pairing/node-register.ts';
import { readOrCreateRelayIdentity } from '../../../relay/pairing/relay-identity.ts';
import { HEAD_FILE } from '../../../relay/receipts/log/head-file.ts';
import { openSqliteStore } from '../../../relay/store/sqlite/open-sqlite-store.ts';
import type { FleetMember } from '../fleet-member.ts';
import { answerQuestions } from './answer-questions.ts';
import { watchLoop, watchTurns } from './loop-turns.ts';

// Everything of a relay but its doors for WebSockets, with a hand inside, in the data folder of its argument.
const log = pino({ level: 'warn' }, pino.destination(2));
const folder = openDataFolder(process.argv[2] ?? '', { log });
const keys = readOrCreateKeys(folder);
const identity = readOrCreateRelayIdentity(folder);
const store = await openSqliteStore({ file: folder.file('sparewatt.sqlite'), relaySeed: identity.seed });
const register = await openNodeRegister({ store: store.pairing, log, now: Date.now });
const fabric = await openFabric({ folder, host: '127.0.0.1', port: 0, revocations: register.revocations, log });
const rules = { open: false, approve: false };
const places = {
  headFile: folder.file(HEAD_FILE),
  shelfFile: folder.file(SHELF_FILE),
  filesFolder: folder.subfolder('files'),
};
const diskUsage = async () => ({ databaseBytes: null, freeBytes: null });
const part = { log, store, fabric, keys, settings: [], register, identity, diskUsage, rules, ...places };
const services = await createServices(part);

const app = await createApp({ services, logger: log, log, maxBodyBytes: 1_000_000 });
const httpUrl = await app.listen({ host: '127.0.0.1', port: 0 });

const watches = { clock: watchLoop(), processor: watchTurns() };
let watchedFrom = 0;
/** Of all threads. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

answerQuestions(
  { natsUrl: fabric.url, httpUrl, ...keys },
  {
    admit: async (members: FleetMember[]) => {
      const at = Date.now();
      const standing = { state: 'active', trust: 'local', labels: {}, firstSeenAt: at, lastSeenAt: at } as const;
      await Promise.all(
        members.map(({ nodeId, publicKey }) =>
          register.admit({ nodeId, publicKey, name: nodeId, ...standing, pairedAt: null, revokedAt: null }),
        ),
      );
    },
    live: () => services.table.live().length,
    heap: () => {
      for (let i = 0; i < 3; i++) globalThis.gc?.();
      const { heapUsed, external } = process.memoryUsage();
      return { heapUsed, external };
    },
    cpuMs,
    discover: async ({ timeoutMs, by }: { timeoutMs: number; by: keyof typeof watches }) => {
      const before = cpuMs();
      watches[by].start();
      const { missing, elapsedMs } = await services.discovery.discover({ timeoutMs });
      const stalledMs = watches[by].stalledMs();
      return { missing: missing.size, elapsedMs, stalledMs, cpuMs: cpuMs() - before };
    },
    /** Until `watched` is asked. */
    watch: () => {
      watchedFrom = cpuMs();
      watches.processor.start();
    },
    watched: async () => {
      // The turn in which the last was answered counts as well.
      await nextTurn();
      return { longestTurnMs: watches.processor.stalledMs(), cpuMs: cpuMs() - watchedFrom };
    },
  },
  async () => {
    await app.close();
    await services.close();
    await fabric.close();
    await store.close();
    folder.close();
  },
);
