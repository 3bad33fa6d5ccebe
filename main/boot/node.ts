import { join } from 'node:path';
import { createOwnerPolicy } from '../../shared/policy/owner-policy.ts';
import { idleMsOf } from '../../shared/preferences/preferences.ts';
import { createEnergyMeter } from '../headless/energy/energy-meter.ts';
import { createJobDesk, noteEnergy } from '../headless/ledger/job-desk.ts';
import { createLedgerWriter } from '../headless/ledger/ledger-writer.ts';
import { createRecordKeeper } from '../headless/ledger/record-keeper.ts';
import { createContributionKeeper } from '../node/contribution-keeper.ts';
import { countDepartures } from '../node/departures.ts';
import { createHardwareDesk } from '../node/hardware-desk.ts';
import { createMachineTester } from '../node/machine-test.ts';
import { createNodeHost } from '../node/node-host.ts';
import { superviseRuntime } from '../node/supervised-runtime.ts';
import type { BootSteps } from './boot-steps.ts';
import type { DesktopHost } from './desktop-host.ts';
import { openModelDownloads } from './model-downloads.ts';
import { openRuntimes } from './runtimes.ts';
import type { Storage } from './storage.ts';
import { watchMachine } from './watch-machine.ts';

/** The node and all that decides whether it works. */
export type NodeAssembly = Awaited<ReturnType<typeof assembleNode>>;

export async function assembleNode(host: DesktopHost, steps: BootSteps, storage: Storage, changed: () => void) {
  const { electron, now } = host;
  const { settings, ledger, boxes, log, folder } = storage;
  const departures = countDepartures((departure) => ledger.addDeparture(departure), now, log);
  const models = await steps.try('find the models', () => host.openModels(join(folder, 'models'), log), []);
  const runtimes = openRuntimes(host, storage, models, {
    usedGpuBytes: () => hardware.usedBytes(),
    rule: () => hardware.rule(),
    presence: () => presence.current(),
    isIdle: () => isIdle(),
    changed,
  });
  const { compute, page, processor, trials, runtime, duty, peaks, gpuCheck } = runtimes;
  const allowSoftware = host.allowSoftwareGpu ?? false;
  const hardware = steps.run('look at the hardware', () =>
    createHardwareDesk({
      describe: host.describeHardware,
      report: page.report,
      allowSoftware,
      preferences: () => settings.get().preferences,
      toldMemory: () => settings.get().gpuMemory ?? {},
      ...(host.readGpuUse === undefined ? {} : { readGpuUse: host.readGpuUse }),
      ...(host.freeMemoryBytes === undefined ? {} : { freeMemoryBytes: host.freeMemoryBytes }),
      onChange: changed,
      log,
    }),
  );
  const supervised = superviseRuntime(runtime, {
    isSupervised: () => settings.get().preferences.supervised,
    now,
    randomId: host.randomId,
    onChange: changed,
  });
  const writer = createLedgerWriter({ log });
  const energy = createEnergyMeter({
    read: host.readPowerDraw ?? (async () => ({ gpuWatts: null, cpuJoules: null })),
    deviceOf: (model) => runtime.models().find(({ name }) => name === model)?.device,
    readsGpu: () => /nvidia/i.test(runtime.report()?.vendor ?? ''),
    isExpecting: () => keeper.current().contributing && node.link().state === 'connected',
    isTesting: () => machineTest.isRunning() || trials.isRunning(),
    onKnown: noteEnergy(ledger, writer.write),
    now,
  });
  const jobs = createJobDesk({
    ledger,
    energy,
    relay: () => relayOf(node),
    onChange: changed,
    onDone: () => records.jobDone(),
    write: writer.write,
  });
  const policy = createOwnerPolicy({ policy: settings.get().preferences.policy, now });
  const startAgent = host.startAgent({
    version: electron.app.getVersion(),
    slots: () => (machineTest.isRunning() || trials.isRunning() ? 0 : keeper.slots()),
    policy,
    runtime: supervised.runtime,
    witness: jobs.witness,
    departures,
    boxes,
    hardware: hardware.advertised,
    machineTest: () => machineTest.kept(),
    log,
  });
  const node = createNodeHost({ startAgent, memory: boxes.box('relay'), name: host.hostName, onChange: changed, log });
  const records = createRecordKeeper({
    ledger,
    link: node.link,
    ask: node.records,
    now,
    onChange: changed,
    log,
  });
  const machineTest = createMachineTester({
    page,
    processor,
    model: () => models.find(({ served }) => served.type === 'llm'),
    hardware: hardware.current,
    devices: hardware.devices,
    allowSoftware,
    runningJobs: () => jobs.count(),
    kept: () => settings.get().machineTest,
    keep: (result) => settings.note({ machineTest: result }),
    onEnd: () => {
      // Who does not contribute holds nothing; who does tells its relay what was found.
      if (!keeper.current().contributing && !runtime.holdsMemory()) compute.end();
      trials.forget();
      void runtime.enforce();
    },
    onChange: changed,
    now,
    elapsed: () => performance.now(),
    ...(host.machineTestWithinMs === undefined ? {} : { withinMs: host.machineTestWithinMs }),
    log,
  });
  const sensed = Promise.withResolvers<void>();
  const modelDesk = openModelDownloads(host, storage, {
    link: node.link,
    departures,
    runtime,
    isDear: () => isDear(),
    sensed: sensed.promise,
    changed,
  });
  const presence = watchMachine(host, steps, {
    isComputing: () => jobs.count() > 0,
    doesMeteredMatter: () =>
      !settings.get().preferences.contribute_on_metered_network &&
      (keeper.current().contributing ||
        modelDesk.downloads().some(({ problem, isPaused }) => problem === null && !isPaused)),
    onChange: () => {
      keeper.tick();
      modelDesk.watchNetwork();
    },
  });
  const keeper = createContributionKeeper({
    preferences: () => settings.get().preferences,
    wish: () => settings.get().wish,
    keepWish: (wish) => settings.note({ wish }),
    presence: () => presence.current(),
    policy,
    runningJobs: () => jobs.count(),
    freeMemory: () => runtime.freeMemory(),
    now,
    onChange: changed,
  });
  /** Whether this network costs its owner something that they do not want to spend. */
  const isDear = (): boolean =>
    presence.current().metered === true && !settings.get().preferences.contribute_on_metered_network;
  const isIdle = (): boolean =>
    keeper.current().contributing &&
    node.link().state === 'connected' &&
    !machineTest.isRunning() &&
    jobs.count() === 0 &&
    supervised.desk.open().length === 0;
  /** Follows what the owner wants of models that lie in memory: who rests how much, and who leaves. */
  const keepModels = (): void => {
    duty.look();
    const idleMs = idleMsOf(settings.get().preferences);
    if (idleMs !== null) runtime.releaseIdle(idleMs);
  };
  /** Who contributes must know what there is to offer; a profile that does not starts nothing. */
  const meetGpu = (): void => {
    if (keeper.current().contributing && runtime.report() === undefined) compute.ready().catch(() => undefined);
  };
  // Nothing is downloaded before it is known what this network costs.
  void presence.look().finally(sensed.resolve);
  return {
    departures,
    compute,
    page,
    runtime,
    hardware,
    machineTest,
    trials,
    modelDesk,
    questions: supervised.desk,
    jobs,
    policy,
    node,
    records,
    writer,
    energy,
    presence,
    keeper,
    peaks,
    gpuCheck,
    keepModels,
    meetGpu,
    isDear,
  };
}

function relayOf(node: ReturnType<typeof createNodeHost>): string {
  const link = node.link();
  return 'relay' in link ? link.relay : 'none';
}
