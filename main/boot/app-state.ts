import type { ModelDesk } from '../../shared/downloads/model-desk.ts';
import type { AppState } from '../../shared/ipc/app-state.ts';
import { headline, whyOf } from '../../shared/ipc/headline.ts';
import { whyNothingAllowed } from '../../shared/preferences/allowed-models.ts';
import { idleMsOf } from '../../shared/preferences/preferences.ts';
import { unknownSensors } from '../../shared/preferences/presence.ts';
import { wishAt } from '../../shared/preferences/wish.ts';
import type { Autostart } from '../autostart/autostart.ts';
import type { RunningJobs } from '../headless/control/running-jobs.ts';
import type { EnergyMeter } from '../headless/energy/energy-meter.ts';
import type { RecordKeeper } from '../headless/ledger/record-keeper.ts';
import type { PresenceWatch } from '../headless/presence/watch-presence.ts';
import type { ChosenRuntime } from '../node/chosen-runtime.ts';
import type { ContributionKeeper } from '../node/contribution-keeper.ts';
import type { GpuMemoryCheck } from '../node/gpu-memory-check.ts';
import type { HardwareDesk } from '../node/hardware-desk.ts';
import type { MachineTester } from '../node/machine-test.ts';
import type { NodeHost } from '../node/node-host.ts';
import type { QuestionDesk } from '../node/supervised-runtime.ts';
import type { SealedBoxes } from '../settings/sealed-box.ts';
import type { Settings, SettingsKeeper } from '../settings/settings.ts';
import type { ElectronSurface } from '../surface.ts';
import type { Updates } from '../updates/updates.ts';

export type StateParts = {
  app: Pick<ElectronSurface['app'], 'getVersion'>;
  host: { now: () => number };
  settings: SettingsKeeper;
  boxes: Pick<SealedBoxes, 'isProtected'>;
  keeper: Pick<ContributionKeeper, 'current'>;
  presence: Pick<PresenceWatch, 'current'>;
  node: Pick<NodeHost, 'link'>;
  jobs: Pick<RunningJobs, 'list'>;
  questions: Pick<QuestionDesk, 'open'>;
  records: Pick<RecordKeeper, 'state'>;
  hardware: Pick<HardwareDesk, 'devices'>;
  machineTest: Pick<MachineTester, 'state'>;
  modelDesk: Pick<ModelDesk, 'downloads'>;
  runtime: Pick<ChosenRuntime, 'holdsMemory' | 'loaded' | 'models' | 'report'>;
  energy: Pick<EnergyMeter, 'isTold'>;
  gpuCheck: Pick<GpuMemoryCheck, 'result'>;
  updates: Pick<Updates, 'state'>;
  autostart: Pick<Autostart, 'state'>;
  hasTray(): boolean;
};

export type StateTeller = { state(): AppState /** Tells it if it is another than the last one told. */; tell(): void };

/** What tray and window show, made whole from those who know. */
export function createStateTeller(parts: StateParts, listener: (state: AppState) => void): StateTeller {
  let told = '';
  const state = (): AppState => stateOf(parts);
  return {
    state,
    tell: () => {
      const next = state();
      const text = JSON.stringify(next);
      if (text === told) return;
      told = text;
      listener(next);
    },
  };
}

function stateOf(parts: StateParts): AppState {
  const relay = parts.node.link();
  const contribution = parts.keeper.current();
  const presence = parts.presence.current();
  const { preferences } = parts.settings.get();
  const models = parts.runtime.models();
  const nothing = whyNothingAllowed(models, preferences.policy);
  return {
    version: parts.app.getVersion(),
    ...headline(contribution, relay, nothing),
    why: whyOf(contribution, relay, nothing),
    wish: wishAt(parts.settings.get().wish, parts.host.now()),
    presence: { ...presence, programs: presence.programs },
    unknown: unknownSensors(presence),
    relay,
    jobs: parts.jobs.list(),
    questions: [...parts.questions.open()],
    records: parts.records.state(),
    gpu: parts.runtime.report() ?? null,
    devices: parts.hardware.devices(),
    machineTest: parts.machineTest.state(),
    downloads: parts.modelDesk.downloads(),
    memoryHeld: parts.runtime.holdsMemory(),
    loaded: parts.runtime.loaded(idleMsOf(preferences)),
    memoryCheck: parts.gpuCheck.result(),
    drawIsTold: parts.energy.isTold(models.map(({ device }) => device)),
    duty: { here: preferences.profiles.here.duty_percent, away: preferences.profiles.away.duty_percent },
    startsAtLogin: parts.autostart.state(),
    update: parts.updates.state(),
    checksForUpdates: checksForUpdates(parts.settings.get()),
    secretsProtected: parts.boxes.isProtected,
    hasTray: parts.hasTray(),
    language: parts.settings.get().language ?? 'en',
  };
}

function checksForUpdates({ choices, askedOfUpdates = false }: Settings): AppState['checksForUpdates'] {
  if (choices.checksForUpdates !== undefined) return true;
  return askedOfUpdates ? false : 'unasked';
}
