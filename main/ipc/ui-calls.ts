import { join } from 'node:path';
import type { AgentLog } from '../../shared/agent/log.ts';
import type { ModelDesk } from '../../shared/downloads/model-desk.ts';
import { parseInvitation } from '../../shared/identity/pairing-link.ts';
import type { AppState } from '../../shared/ipc/app-state.ts';
import type { ListedModel } from '../../shared/ipc/listed-model.ts';
import type { MemoryBudget, ModelOffer } from '../../shared/ipc/model-size.ts';
import { UI_CALL_NAMES, type UiCallName, uiChannel } from '../../shared/ipc/ui-channels.ts';
import { UI_CALLS, type UiInput, type UiOutput } from '../../shared/ipc/ui-contract.ts';
import { parseWeeklyHours } from '../../shared/policy/weekly-hours.ts';
import { memoryNeedBytes } from '../../shared/preferences/memory-need.ts';
import type { Preferences } from '../../shared/preferences/preferences.ts';
import { Problem } from '../../shared/problems/problem.ts';
import type { Autostart } from '../autostart/autostart.ts';
import type { Ledger } from '../headless/ledger/ledger.ts';
import { createInventory } from '../headless/models/inventory.ts';
import { isAllowedLink } from '../links/external-links.ts';
import { parsePairLink } from '../links/pair-link.ts';
import type { LogFile } from '../logs/log-file.ts';
import type { ChosenRuntime } from '../node/chosen-runtime.ts';
import type { ContributionKeeper } from '../node/contribution-keeper.ts';
import type { HardwareDesk } from '../node/hardware-desk.ts';
import type { MachineTester } from '../node/machine-test.ts';
import type { MemoryPeaks } from '../node/memory-peaks.ts';
import type { NodeHost } from '../node/node-host.ts';
import type { QuestionDesk } from '../node/supervised-runtime.ts';
import type { SettingsKeeper } from '../settings/settings.ts';
import type { ElectronSurface } from '../surface.ts';
import type { TrayActions } from '../tray/tray-menu.ts';
import type { Updates } from '../updates/updates.ts';
import type { Call } from './register-calls.ts';

export type UiCallParts = {
  host: { now: () => number };
  settings: SettingsKeeper;
  ledger: Ledger;
  keeper: ContributionKeeper;
  node: NodeHost;
  questions: QuestionDesk;
  runtime: Pick<ChosenRuntime, 'listModels' | 'enforce'>;
  machineTest: Pick<MachineTester, 'run' | 'stop'>;
  modelDesk: ModelDesk;
  hardware: Pick<HardwareDesk, 'budget' | 'gpuUse'>;
  peaks: Pick<MemoryPeaks, 'needOf'>;
  folder: string;
  updates: Updates;
  autostart: Autostart;
  shell: ElectronSurface['shell'];
  state(): AppState;
  changed(): void;
  log: AgentLog & Pick<LogFile, 'tail'>;
};

type Handlers = { [Name in UiCallName]: (input: UiInput<Name>) => UiOutput<Name> | Promise<UiOutput<Name>> };

/** What the window and the tray can do, in one place, so that both do the same. */
export function uiCalls(parts: UiCallParts): { calls: Call[]; tray: Omit<TrayActions, 'show' | 'quit'> } {
  const handlers = handlersOf(parts);
  const calls = UI_CALL_NAMES.map((name) => ({
    channel: uiChannel(name),
    input: UI_CALLS[name].input,
    run: handlers[name] as (input: unknown) => unknown,
  }));
  const { keeper } = parts;
  return {
    calls,
    tray: {
      contribute: keeper.contribute,
      pause: keeper.pause,
      finishThenPause: keeper.finishThenPause,
      freeMemory: () => void keeper.freeMemory(),
      setStartsAtLogin: (starts) => setStartsAtLogin(parts, starts),
      checkForUpdates: () => void parts.updates.check(),
      installUpdate: () => void parts.updates.install(),
    },
  };
}

function handlersOf(parts: UiCallParts): Handlers {
  const { settings, ledger, keeper, node, questions, updates, state, log } = parts;
  const after = async (step: unknown): Promise<AppState> => {
    await step;
    parts.changed();
    return state();
  };
  return {
    getState: state,
    contribute: () => after(keeper.contribute()),
    pause: (input) => after(keeper.pause(input.for)),
    finishThenPause: () => after(keeper.finishThenPause()),
    freeMemory: () => after(keeper.freeMemory()),
    getPreferences: () => settings.get().preferences,
    setPreferences: async (preferences) => {
      assertHours(preferences);
      settings.change({ preferences });
      keeper.tick();
      await Promise.all([parts.runtime.enforce(), keepQuota(parts)]);
      parts.changed();
      return preferences;
    },
    pair: (input) => after(node.pair(invitationOf(input))),
    unpair: () => after(node.unpair()),
    answerQuestion: ({ id, allow }) => after(questions.answer(id, allow)),
    setStartsAtLogin: ({ starts }) => after(setStartsAtLogin(parts, starts)),
    setLanguage: ({ language }) => {
      if (settings.get().language !== language) settings.change({ language });
      return after(undefined);
    },
    listJobs: ledger.jobs,
    listReceipts: ledger.receipts,
    listDepartures: ledger.departures,
    listDays: ({ days }) => ledger.days(days),
    testMachine: () => after(parts.machineTest.run()),
    stopMachineTest: () => after(parts.machineTest.stop()),
    listModels: () => listModels(parts),
    getDisk: () => diskOf(parts),
    getGpuUse: parts.hardware.gpuUse,
    tellGpuMemory: (input) => after(tellGpuMemory(parts, input)),
    sizeModel: ({ model }) => offerOf(parts, model),
    pauseDownload: ({ model }) => after(parts.modelDesk.pause(model)),
    addModel: ({ model }) => after(parts.modelDesk.add(model)),
    cancelDownload: ({ model }) => after(parts.modelDesk.cancel(model)),
    removeModel: ({ model }) => after(parts.modelDesk.remove(model)),
    getCapabilities: node.capabilities,
    readLog: ({ lines }) => log.tail(lines),
    openLink: async ({ url }) => {
      if (!isAllowedLink(url)) return false;
      await parts.shell.openExternal(url);
      return true;
    },
    setChecksForUpdates: ({ checks }) => after(setChecksForUpdates(parts, checks)),
    checkForUpdates: () => after(updates.check()),
    installUpdate: () => after(updates.install()),
  };
}

async function listModels(parts: UiCallParts): Promise<ListedModel[]> {
  const listed = parts.runtime.listModels();
  const budgets = new Map<string, MemoryBudget>();
  for (const device of new Set(listed.map((model) => model.device))) budgets.set(device, await budgetOf(parts, device));
  return listed.map((model) => {
    const { bytes: needBytes, basis: needBasis } = parts.peaks.needOf(model);
    const budget = budgets.get(model.device) ?? { bytes: null, basis: 'total' };
    return { ...model, needBytes, needBasis, budget, isAdded: parts.modelDesk.isAdded(model.name) };
  });
}

/** What models may take of a device: those that lie in its memory can leave it. */
function budgetOf({ runtime, peaks, hardware }: UiCallParts, device: string): Promise<MemoryBudget> {
  const held = runtime.listModels().filter((model) => model.state === 'warm' && model.device === device);
  return hardware.budget(
    device,
    held.reduce((sum, model) => sum + peaks.needOf(model).bytes, 0),
  );
}

/** A model runs on the GPU where there is one that may compute, else on the processor. */
async function offerOf(parts: UiCallParts, id: string): Promise<ModelOffer> {
  const size = await parts.modelDesk.look(id);
  const { devices } = parts.state();
  const device = devices.some(({ computes, enabled }) => computes && enabled) ? 'webgpu' : 'cpu';
  const { weightsBytes } = size;
  const needBytes = weightsBytes === null ? null : memoryNeedBytes({ size_bytes: weightsBytes });
  return { ...size, needBytes, budget: await budgetOf(parts, device) };
}

/** It counts at once for what fits, here and at the relay. */
async function tellGpuMemory(parts: UiCallParts, { id, memoryBytes }: UiInput<'tellGpuMemory'>): Promise<void> {
  const { settings, keeper, runtime } = parts;
  const { [id]: _, ...others } = settings.get().gpuMemory ?? {};
  if (memoryBytes !== null && !parts.state().devices.some((device) => device.id === id)) {
    throw new Problem('invalid_value', 'This machine lists no such GPU.', { param: 'id' });
  }
  settings.change({ gpuMemory: memoryBytes === null ? others : { ...others, [id]: memoryBytes } });
  keeper.tick();
  await runtime.enforce();
}

/** A limit that is lower now is kept by removing what nothing uses; what is served stays, and the window says so. */
async function keepQuota({ folder, settings }: UiCallParts): Promise<void> {
  const { disk_quota_bytes: quota } = settings.get().preferences;
  if (quota === null) return;
  await createInventory({ cacheFolder: join(folder, 'models') }).shrinkTo(quota);
}

async function diskOf({ folder, settings }: UiCallParts): Promise<UiOutput<'getDisk'>> {
  const stored = await createInventory({ cacheFolder: join(folder, 'models') }).list();
  const usedBytes = stored.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  return { usedBytes, quotaBytes: settings.get().preferences.disk_quota_bytes };
}

/** The choice is written down with its time; a no is remembered, so that nobody is asked twice. */
function setChecksForUpdates({ settings, host }: UiCallParts, checks: boolean): void {
  const { checksForUpdates: _, ...others } = settings.get().choices;
  const choices = checks ? { ...others, checksForUpdates: host.now() } : others;
  settings.change({ choices, askedOfUpdates: true });
}

function setStartsAtLogin({ autostart, settings, host, changed }: UiCallParts, starts: boolean): void {
  autostart.set(starts);
  const { startsAtLogin: _, ...others } = settings.get().choices;
  settings.change({ choices: starts ? { ...others, startsAtLogin: host.now() } : others });
  changed();
}

/** A person typed or pasted this into the window, so that nobody is asked again; it is read as strictly as a link. */
function invitationOf({ invitation, relayUrl }: UiInput<'pair'>) {
  if (/^sparewatt:/i.test(invitation.trim())) return parsePairLink(invitation.trim());
  const read = parseInvitation(invitation);
  const relay = URL.parse(read.relayUrl ?? relayUrl ?? '');
  if (relay === null || !/^https?:$/.test(relay.protocol)) {
    throw new Problem(
      'invalid_option',
      'A code alone does not say where the relay is. Give its address, or paste the link.',
      {
        param: 'relayUrl',
      },
    );
  }
  return { ...read, relayUrl: relay.origin };
}

/** The schema's pattern lets nothing through that this does not read; it is the reading that must not fail later. */
function assertHours({ policy }: Preferences): void {
  if (policy.hours !== undefined) parseWeeklyHours(policy.hours);
}
