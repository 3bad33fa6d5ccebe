import { join } from 'node:path';
import { createOwnerPolicy } from '../../shared/policy/owner-policy.ts';
import { chooseRuntime } from '../node/chosen-runtime.ts';
import { createContributionKeeper } from '../node/contribution-keeper.ts';
import { countDepartures } from '../node/departures.ts';
import { createJobDesk } from '../node/job-desk.ts';
import { createNodeHost } from '../node/node-host.ts';
import { createProcessorRuntime } from '../node/processor-runtime.ts';
import { superviseRuntime } from '../node/supervised-runtime.ts';
import { createWindowRuntime } from '../node/window-runtime.ts';
import { createPowerSensor } from '../power/power-sensor.ts';
import { watchPresence } from '../presence/watch-presence.ts';
import { createComputeWindow } from '../windows/compute-window.ts';
import type { BootSteps } from './boot-steps.ts';
import type { DesktopHost } from './desktop-host.ts';
import type { Storage } from './storage.ts';

/** The node and all that decides whether it works. */
export type NodeAssembly = Awaited<ReturnType<typeof assembleNode>>;

export async function assembleNode(host: DesktopHost, steps: BootSteps, storage: Storage, changed: () => void) {
  const { electron, now } = host;
  const { settings, ledger, boxes, log, folder } = storage;
  const departures = countDepartures((departure) => ledger.addDeparture(departure), now);
  const compute = createComputeWindow({
    electron,
    preload: join(host.folders.preloads, 'compute.cjs'),
    onGone: (how) => page.gone(how),
    now,
    log,
  });
  const models = await steps.try('find the models', () => host.openModels(join(folder, 'models'), log), []);
  const page = createWindowRuntime({ models, window: compute, log, allowSoftware: host.allowSoftwareGpu ?? false });
  const processor = createProcessorRuntime({ electron, entry: host.modelProcess, models, now, log });
  const runtime = chooseRuntime(page, processor);
  const supervised = superviseRuntime(runtime, {
    isSupervised: () => settings.get().preferences.supervised,
    now,
    randomId: host.randomId,
    onChange: changed,
  });
  const jobs = createJobDesk({ ledger, relay: () => relayOf(node), onChange: changed, log });
  const policy = createOwnerPolicy({ policy: settings.get().preferences.policy, now });
  const startAgent = host.startAgent({
    version: electron.app.getVersion(),
    slots: () => keeper.slots(),
    policy,
    runtime: supervised.runtime,
    witness: jobs.witness,
    departures,
    boxes,
    log,
  });
  const node = createNodeHost({ startAgent, memory: boxes.box('relay'), name: host.hostName, onChange: changed, log });
  const presence = watchMachine(host, steps, {
    isComputing: () => jobs.running().length > 0,
    onChange: () => keeper.tick(),
  });
  const keeper = createContributionKeeper({
    preferences: () => settings.get().preferences,
    wish: () => settings.get().wish,
    keepWish: (wish) => settings.change({ wish }),
    presence: () => presence.current(),
    policy,
    runningJobs: () => jobs.running().length,
    freeMemory: () => runtime.freeMemory(),
    now,
    onChange: changed,
  });
  /** Who contributes must know what there is to offer; a profile that does not starts nothing. */
  const meetGpu = (): void => {
    if (keeper.current().contributing && runtime.report() === undefined) compute.ready().catch(() => undefined);
  };
  return {
    departures,
    compute,
    page,
    runtime,
    questions: supervised.desk,
    jobs,
    policy,
    node,
    presence,
    keeper,
    meetGpu,
  };
}

type MachineWatcher = { isComputing(): boolean; onChange(): void };

function watchMachine(host: DesktopHost, steps: BootSteps, { isComputing, onChange }: MachineWatcher) {
  const { electron, platform, env, now } = host;
  const { powerMonitor, app } = electron;
  const power = steps.run('watch power and person', () =>
    createPowerSensor({ powerMonitor, platform, env, onEvent: () => void presence.look() }),
  );
  const ownProcesses = (): ReadonlySet<number> => new Set(app.getAppMetrics().map(({ pid }) => pid));
  const presence = steps.run('watch what runs', () => {
    const sensors = host.sensors({ platform, env, ownProcesses, isComputing });
    return watchPresence(sensors, power.read, onChange, now);
  });
  return presence;
}

function relayOf(node: ReturnType<typeof createNodeHost>): string {
  const link = node.link();
  return link.state === 'unpaired' ? 'none' : link.relay;
}
