import type { IncomingMessage } from 'node:http';
import { TLSSocket, type Server as TlsServer } from 'node:tls';
import type { Logger } from 'pino';
import { MDNS_PORT, type MdnsNetwork } from '../shared/discovery/mdns-network.ts';
import type { OtlpTarget } from '../shared/tracing/otlp-exporter.ts';
import { createApp } from './app.ts';
import type { BatchLimits } from './batches/batch-limits.ts';
import { closeAll } from './close-all.ts';
import { createServices } from './compose/create-services.ts';
import type { JobLimits } from './compose/services-options.ts';
import { type ShownSetting, shownDefaults } from './config/shown-settings.ts';
import { openDataFolder } from './data-folder/data-folder.ts';
import { readDiskUsage } from './data-folder/disk-usage.ts';
import { readOrCreateKeys } from './data-folder/keys.ts';
import { announceRelay, isToAnnounce } from './discovery/announce-relay.ts';
import { attachWebSocketDoor } from './fabric/door/websocket-door.ts';
import { openFabric } from './fabric/open-fabric.ts';
import type { FileLimits } from './files/file-limits.ts';
import type { QueueLimits } from './jobs/queue/queue-limits.ts';
import { SHELF_FILE } from './jobs/record-shelf.ts';
import type { Lifecycle } from './lifecycle.ts';
import { assertHost, listen } from './listen.ts';
import { admitWatcher } from './live/admit-watcher.ts';
import { attachLiveDoor } from './live/live-door.ts';
import { MIRROR_FOLDER } from './models/mirror.ts';
import { usualWebhookNetworks, type WebhookNetworks } from './outbound/webhook-networks.ts';
import { openNodeRegister } from './pairing/node-register.ts';
import { readOrCreateRelayIdentity } from './pairing/relay-identity.ts';
import type { PictureSources } from './pictures/picture-fetcher.ts';
import { createRationedLog } from './rationed-log.ts';
import { openAttestationKey } from './receipts/attestation.ts';
import { HEAD_FILE } from './receipts/log/head-file.ts';
import { BUS_PATH } from './routes/nodes/enroll.ts';
import { LIVE_PATH } from './routes/operators/stats.ts';
import { DATABASE_FILE, openStore } from './store/open-store.ts';
import { VERSION } from './version.ts';

export type RelayOptions = {
  /** 0 takes a free one. */
  port: number;
  host: string;
  dataFolder: string;
  /** Address of a PostgreSQL database to use instead of SQLite in the data folder. A secret. */
  databaseUrl?: string;
  /** How long its server may take to answer when the relay starts; not at all unless given. */
  databaseWaitMs?: number;
  /** How large the database in the data folder may grow; as large as the disk allows unless given. */
  maxDatabaseBytes?: number;
  /** An existing NATS server or cluster to use instead of an embedded one. */
  natsUrl?: string;
  /** A creds file for it, where it does not run with this relay's own configuration. */
  natsCredsFile?: string;
  /** Whether and where to be announced by mDNS; by default on every interface, if the relay listens beyond loopback. */
  announce?: { when?: boolean | undefined; network?: MdnsNetwork };
  /** What the snapshot tells of the configuration; the defaults when absent. */
  settings?: ShownSetting[];
  /** Speak HTTPS and let no node in without a certificate of the relay's own authority; `names` are further names of the relay. */
  tls?: { names?: readonly string[] /** Nodes without one may join at the HTTPS door. */; browserNodes?: boolean };
  /** The port on which nodes reach the bus past the relay's process; 0 takes a free one. */
  busPort?: number;
  /** Leave the embedded NATS server running on `close`, for the next relay of this data folder. */
  keepBus?: boolean;
  /** How long the embedded NATS server waits for such a relay when this one was killed; a minute unless given. */
  busLingerS?: number;
  /** Aborted when this process ends without closing the relay; its NATS server ends with it, unless it is to be kept. */
  insisted?: AbortSignal;
  /** Where nodes and clients reach the relay, if that is not the address it listens on. */
  publicUrl?: string;
  /** Nodes from elsewhere wait until the operator approves them. */
  approveNodes?: boolean;
  /** A person approves each task for a node before it is sent. */
  supervised?: boolean;
  /** A file or a folder of services that the operator adds to those of the relay. */
  servicesPath?: string;
  /** Where the third key under receipts lies, or is to be made; receipts have none unless given. */
  attestationKeyFile?: string;
  /** Anybody may join without a code, on probation. */
  open?: boolean;
  /** How long a node's credentials last; a day by default. */
  credentialLifetimeS?: number;
  maxBodyBytes?: number;
  /** How long a client may take nothing of an answer that is ready; a minute unless given. */
  unreadMs?: number;
  /** How long somebody without a key may take to send a body; half a minute when absent. */
  strangerMs?: number;
  /** How many bytes of large bodies and answers on their way may be those of one key; 256 MiB when absent. */
  mostHeldBytes?: number;
  /** How long the record of a job that left no receipt is kept; for ever unless given. */
  keepJobsMs?: number;
  /** How long the relay says that it is not ready, and works on, before it closes; not at all unless given. */
  drainMs?: number;
  /** How long jobs may wait, run and be silent, where the defaults do not fit. */
  jobLimits?: Partial<JobLimits>;
  /** What the queue of jobs takes and keeps, where the defaults do not fit. */
  queueLimits?: Partial<QueueLimits>;
  /** What batches take, where the defaults do not fit. */
  batchLimits?: Partial<BatchLimits>;
  /** What the relay takes of files and how long it keeps them, where the defaults do not fit. */
  fileLimits?: Partial<FileLimits>;
  /** Whether webhooks may lie on loopback and link-local addresses, where clients of other machines have no business. */
  webhooksToThisMachine?: boolean;
  /** Where they may lie otherwise; by default what `usualWebhookNetworks` says. */
  webhookNetworks?: WebhookNetworks;
  /** Where pictures that clients name by address may be fetched from; nowhere unless given. */
  pictureSources?: PictureSources;
  /** Whose pages may ask with an API key, `*` for everybody's; nobody's but the relay's own unless given. */
  corsOrigins?: readonly string[];
  /** The collector that spans of traces are sent to; none unless given. */
  otlp?: OtlpTarget;
  /** Where the built pages lie; those of this repository when absent. */
  pagesFolder?: string;
  log: Logger;
};

export type Relay = {
  readonly url: string;
  readonly natsUrl: string;
  readonly natsVersion: string;
  readonly apiKey: string;
  readonly adminToken: string;
  /** Names of the models that can be asked for now. */
  models(): string[];
  /** Ids of the nodes with an open session. */
  nodes(): string[];
  /** Ends running jobs, then everything that was started, in reverse order. */
  close(): Promise<void>;
};

/** Chat prompts of several hundred kilobytes fit; larger inputs will be files. */
const MAX_BODY_BYTES = 4 * 1024 * 1024;

/**
 * Starts a relay. What was started before a step that fails is stopped again, so that nothing is left behind.
 * Errors: `data_folder_in_use`, `data_folder_unusable`, `database_in_use`, `database_unusable`, `nats_server_missing`, `nats_server_failed`, `port_in_use`,
 * `address_unavailable`, `invalid_setting` for a file of services.
 */
export async function startRelay(options: RelayOptions): Promise<Relay> {
  const { settings = shownDefaults() } = options;
  const log = createRationedLog({ log: options.log });
  const undo: (() => unknown)[] = [() => log.close()];
  const close = once(() => closeAll(undo.reverse(), log));
  try {
    const folder = openDataFolder(options.dataFolder, { log });
    undo.push(() => folder.close());
    await assertHost(options.host);
    const keys = readOrCreateKeys(folder);
    const identity = readOrCreateRelayIdentity(folder);
    const { databaseUrl, databaseWaitMs, attestationKeyFile } = options;
    const file = folder.file(DATABASE_FILE);
    const attestation =
      attestationKeyFile === undefined
        ? undefined
        : openAttestationKey({ file: attestationKeyFile, relayKey: identity.publicKey, log });
    const seeds = { relaySeed: identity.seed, attestationSeed: attestation?.seed };
    const maxSizeBytes = options.maxDatabaseBytes;
    const headFile = folder.file(HEAD_FILE);
    const store = await openStore({ file, headFile, maxSizeBytes, databaseUrl, databaseWaitMs, log, ...seeds });
    undo.push(() => store.close());
    const register = await openNodeRegister({ store: store.pairing, log, now: Date.now });
    const place = { host: options.host, publicUrl: options.publicUrl, more: options.tls?.names ?? [] };
    // What writes certificates is a hundred modules, for relays with TLS alone.
    const tls = options.tls && (await import('./tls/open-tls.ts')).openRelayTls({ folder, place, now: Date.now, log });
    undo.push(() => tls?.close());
    const { revocations } = register;
    const fabric = await openFabric({ ...options, log, folder, revocations, tls: tls?.files });
    undo.push(() => fabric.close());
    const rules = { open: options.open ?? false, approve: options.approveNodes ?? false };
    const { publicUrl, jobLimits, queueLimits, batchLimits, fileLimits, webhooksToThisMachine, supervised } = options;
    const { servicesPath, otlp, keepJobsMs, pictureSources } = options;
    const database = folder.file('sparewatt.sqlite');
    const services = await createServices({
      log,
      store,
      fabric,
      keys,
      settings,
      register,
      identity,
      attestationKey: attestation?.publicKey,
      headFile,
      shelfFile: folder.file(SHELF_FILE),
      diskUsage: () => readDiskUsage(database),
      rules,
      publicUrl,
      jobLimits,
      queueLimits,
      batchLimits,
      fileLimits,
      filesFolder: folder.subfolder('files'),
      webhooksToThisMachine,
      webhookNetworks: options.webhookNetworks ?? usualWebhookNetworks(options),
      pictureSources,
      supervised,
      servicesPath,
      otlp,
      keepJobsMs,
      authority: tls?.authority,
      browserNodes: options.tls?.browserNodes,
    });
    undo.push(() => services.close());
    const { maxBodyBytes = MAX_BODY_BYTES, unreadMs, strangerMs, mostHeldBytes, pagesFolder, corsOrigins } = options;
    const httpsOptions = tls?.httpsOptions();
    const mirrorFolder = folder.file(MIRROR_FOLDER);
    const app = await createApp({
      services,
      logger: options.log,
      log,
      maxBodyBytes,
      unreadMs,
      strangerMs,
      mostHeldBytes,
      pagesFolder,
      mirrorFolder,
      corsOrigins,
      tls: httpsOptions,
    });
    undo.push(() => app.close());
    const liveDoor = attachLiveDoor(app.server, {
      path: LIVE_PATH,
      feed: services.liveFeed,
      admit: (request) => admitWatcher(request, services),
      onSessionEnd: services.operatorSessions.onEnd,
      now: Date.now,
      log,
    });
    undo.push(() => liveDoor.close());
    const admits = tls && options.tls?.browserNodes !== true ? hasCertificate : undefined;
    const door = attachWebSocketDoor(app.server, { path: BUS_PATH, target: fabric.doorTarget, admits, log });
    tls?.onRenewed((context) => {
      (app.server as unknown as TlsServer).setSecureContext(context);
      fabric
        .reloadCertificate()
        .catch((error: unknown) => log.error({ err: error }, 'nodes still meet the old certificate'));
    });
    undo.push(() => door.close());
    const { lifecycle } = services;
    const url = await listen(app, options);
    if (isToAnnounce(url, options.announce?.when)) {
      const network = options.announce?.network ?? { port: MDNS_PORT };
      const announcement = announceRelay({ url, version: VERSION, network, relayKey: identity.publicKey, log });
      undo.push(() => announcement.close());
    }
    undo.push(() => drain(lifecycle, options));
    services.homecoming.expect(register.list().flatMap(({ nodeId, state }) => (state === 'active' ? [nodeId] : [])));
    lifecycle.serve();
    log.info({ url, nats: fabric.url }, 'the relay is ready');
    return {
      url,
      natsUrl: fabric.url,
      natsVersion: fabric.version,
      ...keys,
      models: () => services.models.list().map((model) => model.id),
      nodes: () => services.table.live().map((node) => node.id),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** First of all steps of the end: whoever sends clients here learns of it while they are still served. */
async function drain(lifecycle: Lifecycle, { drainMs = 0, log }: RelayOptions): Promise<void> {
  lifecycle.drain();
  if (drainMs === 0) return;
  log.info({ drainMs }, 'the relay is not ready any more and works on for a while');
  await new Promise((resolve) => setTimeout(resolve, drainMs));
}

/** Whether TLS has found that the client's certificate is one of this relay's. */
function hasCertificate({ socket }: IncomingMessage): boolean {
  return socket instanceof TLSSocket && socket.authorized;
}

function once(run: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  return () => (running ??= run());
}
