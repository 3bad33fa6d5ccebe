import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { type Agent, startAgent } from '../../shared/agent/agent.ts';
import type { AgentLog } from '../../shared/agent/log.ts';
import { connectToBus } from '../../shared/agent/nats-connection.ts';
import { originOf, type RelayPins } from '../../shared/agent/relay-conversation.ts';
import type { RunSpans } from '../../shared/agent/run-span.ts';
import type { GpuOverride } from '../../shared/config/gpu-override.ts';
import type { KeyStore } from '../../shared/config/node-settings.ts';
import { REMEMBERED_RELAY_FILE } from '../../shared/config/remembered-relay.ts';
import { nameOfHost } from '../../shared/identity/host-name.ts';
import type { PairingInvitation } from '../../shared/identity/pairing-link.ts';
import { type NodePolicy, POLICY_FILE } from '../../shared/policy/node-policy.ts';
import { createOwnerPolicy } from '../../shared/policy/owner-policy.ts';
import { advertisedHardware, gpuIdsOf } from '../../shared/preferences/gpu-rules.ts';
import type { Hardware } from '../../shared/protocol/capabilities.ts';
import type { ToolType } from '../../shared/protocol/subjects.ts';
import { describeSoftware, findTools } from './capabilities-software.ts';
import { startCapsServer } from './caps-server.ts';
import { type HeadlessControl, openHeadlessControl } from './control/headless-control.ts';
import { rememberLog } from './control/log-memory.ts';
import { describeHardware } from './hardware.ts';
import { createDeviceFinder } from './inference/find-devices.ts';
import { systemKeychain } from './keychain/system-keychain.ts';
import { openNodeLedger } from './ledger/node-ledger.ts';
import { createRelayFetch } from './models/relay-fetch.ts';
import { createNodeCrypto } from './node-crypto.ts';
import { type NodeIdentity, openNodeKey } from './node-key.ts';
import { createNodeTls } from './node-tls.ts';
import { openRuntime } from './open-runtime.ts';
import { openPolicyFile, type PolicyFile } from './policy-file.ts';
import { rememberingPins } from './relay-memory.ts';
import { relayPinsIn } from './relay-pins.ts';
import { fileSecretBox } from './secret-box.ts';
import { type ToldGpus, withToldGpus } from './told-gpus.ts';

const PINS_FILE = 'relay-pins.json';

export type HeadlessAgentOptions = {
  relayUrl: string;
  dataFolder: string;
  /** Models to serve; none means those that ship with Sparewatt. */
  models: string[];
  slots: number;
  /** Programs of this machine that jobs may use; none when absent. */
  allowTools?: readonly ToolType[];
  version: string;
  /** Where the node's key lies. */
  keyStore: KeyStore;
  /** The node's key, where somebody has opened it already. */
  identity?: NodeIdentity;
  name?: string;
  joinToken?: string;
  /** A code or link of the relay's operator, for a node that the relay does not know yet. */
  invitation?: PairingInvitation | undefined;
  hubUrl?: string;
  hubToken?: string;
  /** Where models may come from; the relay and the hub when absent. */
  modelSources?: readonly string[];
  /** What downloaded models may take on disk. */
  modelsQuotaBytes?: number;
  /** Models that nobody has asked for so long give their memory back, or sooner where preferences say so. */
  idleMs?: number;
  /** What the owner lets the node run, or the file that says it; `policy.json` of the data folder when absent. */
  policy?: string | NodePolicy;
  /** What the owner tells of GPUs, beside what is found or instead of it. */
  gpus?: readonly GpuOverride[];
  /** Tells programs of this machine what the node can do, at `GET /caps` of this port; 0 takes a free one. */
  capsPort?: number;
  /** Where the times of runs are told; nowhere when absent. */
  spans?: RunSpans | undefined;
  /** Ends a start that is still fetching models. */
  signal?: AbortSignal;
  log: AgentLog;
  /** A line about a download for a person to read. */
  onProgress(line: string): void;
};

/** The node without a screen: its key and models from disk, inference in processes, the bus through nats.ws. */
export async function startHeadlessAgent(given: HeadlessAgentOptions): Promise<Agent> {
  const log = rememberLog(given.log, Date.now);
  const options = { ...given, log };
  const policyFile = openPolicy(options);
  const { policy, preferences } = policyFile;
  const ledger = openNodeLedger({ ...options, policy, now: Date.now });
  const control = await openHeadlessControl({ ...options, policy, preferences, ledger, now: Date.now });
  const close = (): void => {
    control.close();
    policyFile.close();
  };
  try {
    const agent = await startNode(options, policyFile, control);
    void agent.ended.then(close);
    return agent;
  } catch (error) {
    close();
    throw error;
  }
}

async function startNode(
  options: HeadlessAgentOptions,
  { policy, preferences }: PolicyFile,
  control: HeadlessControl,
): Promise<Agent> {
  const identity = options.identity ?? (await identityOf(options));
  const found = await describeHardware();
  const told = toldGpus(found, options);
  const hardware = { ...found, gpus: told.gpus };
  const allowed = (): Hardware => advertisedHardware(hardware, preferences() ?? { gpus: {} });
  const runtime = await openRuntime({
    ...options,
    preferences,
    findDevices: createDeviceFinder(hardware),
    relayFetch: relayFetchOf(options),
    mayAsk: () => control.mayDownload(options.signal),
  });
  // No job is taken before it is known whether the owner needs the machine.
  await control.looked;
  followPreferences({ policy, preferences, follow: runtime.followOwner, log: options.log });
  const agent = startAgent({
    relayUrl: options.relayUrl,
    name: nameOf(options),
    version: options.version,
    slots: () => Math.min(options.slots, preferences()?.profiles.away.slots ?? options.slots),
    hardware: allowed,
    software: await describeSoftware(),
    tools: await findTools(),
    identity,
    crypto: createNodeCrypto(identity.seed),
    invitation: options.invitation,
    pins: pinsOf(options),
    tls: createNodeTls(),
    policy,
    runtime,
    connect: connectToBus,
    fetch: globalThis.fetch,
    now: Date.now,
    randomId: randomUUID,
    witness: control.witness,
    spans: options.spans,
    log: options.log,
    ...(options.joinToken === undefined ? {} : { joinToken: options.joinToken }),
  });
  control.attach({ agent, models: runtime.models, freeMemory: runtime.freeMemory, gpus: told });
  return options.capsPort === undefined ? agent : await withCapsServer(agent, options.capsPort, options.log);
}

/** Errors: `invalid_setting`. */
function toldGpus({ gpus }: Hardware, { gpus: overrides = [], log }: HeadlessAgentOptions): ToldGpus {
  const told = withToldGpus(gpus ?? null, overrides);
  // A card that is not plugged in today is no mistake of the settings.
  for (const id of told.unmatched) {
    log.warn(
      { gpu: id, found: gpuIdsOf((gpus ?? []).map(({ name }) => name)) },
      'no GPU that node.gpus names was found',
    );
  }
  return told;
}

/** The key of the node of a data folder. Errors: those of `openNodeKey`. */
export function identityOf({
  dataFolder,
  keyStore,
  log,
}: Pick<HeadlessAgentOptions, 'dataFolder' | 'keyStore' | 'log'>): Promise<NodeIdentity> {
  const limit = (milliseconds: number) => AbortSignal.timeout(milliseconds);
  const keychain = systemKeychain();
  return openNodeKey({ folder: dataFolder, keyStore, keychain, limit, randomId: randomUUID }, log);
}

function openPolicy({ policy, dataFolder, log }: HeadlessAgentOptions): PolicyFile {
  if (typeof policy === 'object') {
    const ownPolicy = createOwnerPolicy({ policy, now: Date.now });
    return { policy: ownPolicy, preferences: () => undefined, close: () => undefined };
  }
  const path = policy ?? join(dataFolder, POLICY_FILE);
  return openPolicyFile({ path, isNamed: policy !== undefined, now: Date.now, log });
}

/** The relays that the node of a data folder knows. */
export function pinsOf(options: Pick<HeadlessAgentOptions, 'dataFolder' | 'relayUrl' | 'name'>): RelayPins {
  const file = (name: string) => fileSecretBox(join(options.dataFolder, name));
  const remembered = { relay: options.relayUrl, name: nameOf(options) };
  return rememberingPins(relayPinsIn(file(PINS_FILE)), file(REMEMBERED_RELAY_FILE), remembered);
}

/** A relay that has let the node in is known by its pin, a new one by the link of its operator. */
export function relayFetchOf(
  options: Pick<HeadlessAgentOptions, 'dataFolder' | 'relayUrl' | 'invitation'>,
): typeof globalThis.fetch {
  const { relayUrl, invitation } = options;
  const pins = relayPinsIn(fileSecretBox(join(options.dataFolder, PINS_FILE)));
  return createRelayFetch(relayUrl, async () => (await pins.authority(originOf(relayUrl))) ?? invitation?.authority);
}

type Followed = Pick<PolicyFile, 'policy' | 'preferences'> & { follow(): Promise<void>; log: AgentLog };

/** What the policy does not enforce job by job, and takes time. */
function followPreferences({ policy, preferences, follow, log }: Followed): void {
  const ruled = (): string => {
    const { gpus = {}, disk_quota_bytes = null, profiles } = preferences() ?? {};
    return JSON.stringify([gpus, disk_quota_bytes, profiles?.away.duty_percent]);
  };
  let last = ruled();
  policy.onChange(() => {
    const next = ruled();
    if (next === last) return;
    last = next;
    follow().catch((err: unknown) => log.error({ err }, 'what the owner wants of the GPUs could not be followed'));
  });
}

/** What the relay is told that the node is called. */
export function nameOf({ name }: Pick<HeadlessAgentOptions, 'name'>, hostName = hostname()): string {
  return name ?? nameOfHost(hostName);
}

async function withCapsServer(agent: Agent, port: number, log: AgentLog): Promise<Agent> {
  try {
    const server = await startCapsServer({ port, document: agent.capabilities });
    log.info({ url: server.url }, 'programs of this machine can ask what the node can do');
    void agent.ended.then(server.close);
    // Whoever starts the next agent needs the port.
    return { ...agent, close: () => agent.close().then(server.close) };
  } catch (error) {
    await agent.close();
    throw error;
  }
}
