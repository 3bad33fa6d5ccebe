import { MDNS_PORT } from '../shared/discovery/mdns-network.ts';
import { createApp } from './app.ts';
import { closeAll } from './close-all.ts';
import { createServices } from './compose/create-services.ts';
import { openDoors } from './compose/open-doors.ts';
import { type Ground, openGround } from './compose/open-ground.ts';
import { shownDefaults } from './config/shown-settings.ts';
import { readDiskUsage } from './data-folder/disk-usage.ts';
import { announceRelay, isToAnnounce } from './discovery/announce-relay.ts';
import { SHELF_FILE } from './jobs/record-shelf.ts';
import { localUrlOf } from './lan-url.ts';
import type { Lifecycle } from './lifecycle.ts';
import { listen } from './listen.ts';
import type { RelayLog } from './log.ts';
import { MIRROR_FOLDER } from './models/mirror.ts';
import { usualWebhookNetworks } from './outbound/webhook-networks.ts';
import { createRationedLog } from './rationed-log.ts';
import type { RelayOptions } from './relay-options.ts';
import type { RelayApp, RelayServices } from './services.ts';
import { VERSION } from './version.ts';

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
  const log = createRationedLog({ log: options.log });
  const undo: (() => unknown)[] = [() => log.close()];
  const close = once(() => closeAll(undo.reverse(), log));
  try {
    const ground = await openGround(options, log, undo);
    const { fabric, keys, register } = ground;
    const services = await openServices(options, ground, log);
    undo.push(() => services.close());
    const app = await openApp(options, ground, services, log);
    undo.push(() => app.close());
    openDoors({ app, services, ground, browserNodes: options.tls?.browserNodes === true, log }, undo);
    const url = await listen(app, options);
    announce(options, url, ground, log, undo);
    undo.push(() => drain(services.lifecycle, options));
    services.homecoming.expect(register.list().flatMap(({ nodeId, state }) => (state === 'active' ? [nodeId] : [])));
    services.lifecycle.serve();
    ground.folder.tellUrl(localUrlOf(url));
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

function openServices(options: RelayOptions, ground: Ground, log: RelayLog): ReturnType<typeof createServices> {
  const { folder, tls, databaseFile } = ground;
  return createServices({
    ...options,
    ...ground,
    settings: options.settings ?? shownDefaults(),
    shelfFile: folder.file(SHELF_FILE),
    filesFolder: folder.subfolder('files'),
    diskUsage: () => readDiskUsage(databaseFile),
    rules: { open: options.open ?? false, approve: options.approveNodes ?? false },
    webhookNetworks: options.webhookNetworks ?? usualWebhookNetworks(options),
    authority: tls?.authority,
    browserNodes: options.tls?.browserNodes,
    log,
  });
}

function openApp(options: RelayOptions, ground: Ground, services: RelayServices, log: RelayLog): Promise<RelayApp> {
  return createApp({
    ...options,
    services,
    logger: options.log,
    log,
    maxBodyBytes: options.maxBodyBytes ?? MAX_BODY_BYTES,
    mirrorFolder: ground.folder.file(MIRROR_FOLDER),
    tls: ground.tls?.httpsOptions(),
  });
}

/** Tells the network where the relay is, if it is for others than this machine. */
function announce(options: RelayOptions, url: string, ground: Ground, log: RelayLog, undo: (() => unknown)[]): void {
  const { when, network = { port: MDNS_PORT } } = options.announce ?? {};
  if (!isToAnnounce(url, when)) return;
  const announcement = announceRelay({ url, version: VERSION, network, relayKey: ground.identity.publicKey, log });
  undo.push(() => announcement.close());
}

/** First of all steps of the end: whoever sends clients here learns of it while they are still served. */
async function drain(lifecycle: Lifecycle, { drainMs = 0, log }: RelayOptions): Promise<void> {
  lifecycle.drain();
  if (drainMs === 0) return;
  log.info({ drainMs }, 'the relay is not ready any more and works on for a while');
  await new Promise((resolve) => setTimeout(resolve, drainMs));
}

function once(run: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  return () => (running ??= run());
}
