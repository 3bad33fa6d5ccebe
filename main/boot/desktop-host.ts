import type { JobWitness } from '../../shared/agent/job-witness.ts';
import type { AgentLog } from '../../shared/agent/log.ts';
import type { GpuUse } from '../../shared/ipc/app-state.ts';
import type { OwnerPolicy } from '../../shared/policy/owner-policy.ts';
import type { Gpu, Hardware, MachineTest } from '../../shared/protocol/capabilities.ts';
import type { Runtime } from '../../shared/runtimes/runtime.ts';
import type { TimeLimit } from '../headless/keychain/keychain-calls.ts';
import type { createRelayFetch } from '../headless/models/relay-fetch.ts';
import type { ReadPowerDraw } from '../headless/power-draw.ts';
import type { SystemSensorsOptions } from '../headless/presence/system-sensors.ts';
import type { Sensor } from '../headless/presence/watch-presence.ts';
import type { DepartureCounter } from '../node/departures.ts';
import type { StartAgent } from '../node/node-host.ts';
import type { PageModel } from '../node/page-model.ts';
import type { InstallModel, SizeModel } from '../node/page-models.ts';
import type { SealedBoxes } from '../settings/sealed-box.ts';
import type { SettingsFile } from '../settings/settings.ts';
import type { ElectronSurface } from '../surface.ts';
import type { Updater } from '../updates/updates.ts';
import type { FaultSource } from './faults.ts';

/** What the boot list has made when the node can be started. */
export type NodeParts = {
  version: string;
  slots: () => number;
  policy: OwnerPolicy;
  runtime: Runtime;
  witness: JobWitness;
  departures: DepartureCounter;
  boxes: SealedBoxes;
  /** What relays are told of the hardware at each moment. */
  hardware(): Promise<() => Hardware>;
  machineTest(): MachineTest | undefined;
  log: AgentLog;
};

/** A relay's address, and a fetch that believes its own certificate authority. */
export type RelayFiles = { relayUrl: string; relayFetch: ReturnType<typeof createRelayFetch> };

/** Everything that the app takes from outside; `index.ts` gives the real things, tests give doubles. */
export type DesktopHost = {
  electron: ElectronSurface;
  platform: NodeJS.Platform;
  env: Readonly<Record<string, string | undefined>>;
  argv: readonly string[];
  /** What the machine is called, for relays. */
  hostName: string;
  home: string;
  /** The program that a login starts. */
  program: string;
  folders: { pages: string; preloads: string; icons: string; models: string };
  /** The entry of utility processes that hold a model on the processor. */
  modelProcess: string;
  openSettingsFile(folder: string): SettingsFile;
  updater: Updater | undefined;
  /** Tells of faults that nobody caught. */
  faults: FaultSource;
  openModels(cacheFolder: string, log: AgentLog): Promise<readonly PageModel[]>;
  /** How models that the owner adds are fetched: from the relay that the node has, if it mirrors them, else from the hub. */
  modelInstaller(options: { cacheFolder: string; relay: RelayFiles | undefined; log: AgentLog }): InstallModel;
  /** How large they are, asked of the same places; sizes are unknown when absent. */
  modelSizer?(relay: RelayFiles | undefined): SizeModel;
  describeHardware(): Promise<Hardware>;
  /** How full and busy GPUs are, and how much memory is free; nobody tells when absent. */
  readGpuUse?(gpus: readonly Gpu[]): Promise<(Omit<GpuUse, 'id'> | null)[]>;
  readOwnGpuBytes?(ownProcesses: ReadonlySet<number>): Promise<number | null>;
  freeMemoryBytes?(): number | null;
  /** What cards and processors draw; nobody tells when absent. */
  readPowerDraw?: ReadPowerDraw;
  /** For tests: lets models run on a simulated GPU. */
  allowSoftwareGpu?: boolean;
  /** For tests on machines that are busy: how long the machine test may take. */
  machineTestWithinMs?: number;
  /** For tests on a simulated GPU, which any processor outruns: false keeps each model where it can be. */
  measuresDevices?: boolean;
  startAgent(parts: NodeParts): StartAgent;
  sensors(options: SystemSensorsOptions): Sensor[];
  hasTrayPlace(): Promise<boolean | undefined>;
  isKeyStoreLocked(): Promise<boolean | undefined>;
  /** How long something is waited for that may never answer. */
  limit: TimeLimit;
  now: () => number;
  randomId: () => string;
  /** Calls again and again until what it returns is called. */
  every(ms: number, step: () => void): () => void;
};
