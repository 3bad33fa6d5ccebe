import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as pause } from 'node:timers/promises';
import type { Agent } from '../../../shared/agent/agent.ts';
import type { JobWitness } from '../../../shared/agent/job-witness.ts';
import type { AgentLog } from '../../../shared/agent/log.ts';
import { createSteadyClock } from '../../../shared/clock/steady-clock.ts';
import type { HeldModel, NodeStatus } from '../../../shared/control/control-protocol.ts';
import type { RelayLink } from '../../../shared/ipc/app-state.ts';
import { type Headline, headline } from '../../../shared/ipc/headline.ts';
import type { OwnerPolicy } from '../../../shared/policy/owner-policy.ts';
import { whyNothingAllowed } from '../../../shared/preferences/allowed-models.ts';
import { byHand, type Yielding } from '../../../shared/preferences/contribution.ts';
import type { Preferences } from '../../../shared/preferences/preferences.ts';
import type { Wish } from '../../../shared/preferences/wish.ts';
import { TOOL_TYPES } from '../../../shared/protocol/subjects.ts';
import type { RuntimeModel } from '../../../shared/runtimes/runtime.ts';
import { dayOf } from '../ledger/day-of.ts';
import type { NodeLedger } from '../ledger/node-ledger.ts';
import { readOwnProcesses } from '../presence/own-processes.ts';
import { createOwnerCare, type OwnerCare } from '../presence/owner-care.ts';
import { systemSensors } from '../presence/system-sensors.ts';
import type { ToldGpus } from '../told-gpus.ts';
import { type ControlDesk, createSince, ledgerSums } from './control-desk.ts';
import { type Control, openControl } from './control-server.ts';
import type { ReadableLog } from './log-memory.ts';
import { createOwnerWish, type OwnerWish, WISH_FILE } from './owner-wish.ts';
import { type LinkedAgent, watchLink } from './watch-link.ts';

export type HeadlessControlOptions = {
  dataFolder: string;
  relayUrl: string;
  version: string;
  policy: OwnerPolicy;
  ledger: NodeLedger;
  /** The document of the owner, where there is one. */
  preferences?: () => Preferences | undefined;
  /** How the machine is looked at; as this system lets it be when absent. */
  sensors?: typeof systemSensors;
  log: AgentLog & ReadableLog;
  now: () => number;
};

export type HeadlessControl = {
  readonly witness: JobWitness;
  /** The machine has been looked at: before, nobody knows whether its owner needs it. */
  readonly looked: Promise<void>;
  /** Waits while downloads would cost the owner what they do not want to spend. Errors: the reason of the signal. */
  mayDownload(signal?: AbortSignal): Promise<void>;
  /** What there is to say before is that the node starts. */
  attach(node: ControlledNode): void;
  close(): void;
};

export type ControlledNode = {
  agent: LinkedAgent & Pick<Agent, 'records'>;
  models(): readonly RuntimeModel[];
  /** Takes the models out of memory that no job needs. */
  freeMemory(): Promise<void>;
  /** What its owner tells of GPUs; nothing where absent. */
  gpus?: Pick<ToldGpus, 'gpus' | 'removed'>;
};

/** A part of how often any sensor is asked, so that each is asked as often as it says. */
const LOOK_EVERY_MS = 500;
/** A GPU that has just computed for a job may be told as busy for a moment longer. */
const COOLING_MS = 3_000;

/**
 * Lets programs of this machine control a node without a screen. A machine where that is impossible is a node all the
 * same, and its log says why it cannot be controlled.
 */
export async function openHeadlessControl(options: HeadlessControlOptions): Promise<HeadlessControl> {
  const { dataFolder, policy, ledger, log, now } = options;
  const { jobs } = ledger;
  let node: ControlledNode | undefined;
  let link: () => RelayLink = () => ({ state: 'connecting', relay: options.relayUrl });
  const steady = createSteadyClock(now);
  let computedAt = Number.NEGATIVE_INFINITY;
  const care = openCare(options, {
    isComputing: () => jobs.count() > 0 || steady() - computedAt < COOLING_MS,
    onChange: () => wish.tick(),
  });
  const wish: OwnerWish = createOwnerWish({
    path: join(dataFolder, WISH_FILE),
    policy,
    care: care.yielding,
    runningJobs: () => jobs.count(),
    freeMemory: () => {
      node?.freeMemory().catch((err: unknown) => log.error({ err }, 'the memory of models could not be freed'));
    },
    now,
    log,
  });
  const desk = createHeadlessDesk({ ...options, wish, care, link: () => link(), node: () => node });
  const looked = care.look();
  const timer = setInterval(() => {
    void care.look();
    wish.tick();
    desk.note();
  }, LOOK_EVERY_MS).unref();
  const control = await openOrSay({ dataFolder, desk, log });
  return {
    witness: {
      ...jobs.witness,
      ended: (job, end) => {
        jobs.witness.ended(job, end);
        computedAt = steady();
        wish.tick();
      },
    },
    looked,
    mayDownload: async (signal) => {
      await looked;
      if (!care.isDear()) return;
      log.info({}, 'downloads wait for a network that is not metered');
      // By a timer that counts, since a process that waits for nothing else would end.
      while (care.isDear()) await pause(LOOK_EVERY_MS, undefined, signal === undefined ? {} : { signal });
    },
    attach: (attached) => {
      node = attached;
      link = watchLink(attached.agent, options.relayUrl);
      const gpus = attached.gpus?.gpus ?? [];
      ledger.attach({ ...attached, link, gpus });
    },
    close: () => {
      clearInterval(timer);
      care.close();
      control?.close();
      ledger.close();
    },
  };
}

type CarePorts = { isComputing(): boolean; onChange(): void };

function openCare(
  { preferences = () => undefined, sensors = systemSensors, now, log }: HeadlessControlOptions,
  { isComputing, onChange }: CarePorts,
): OwnerCare {
  const { platform, env } = process;
  const machine = { platform, env, ownProcesses: readOwnProcesses, isComputing, doesMeteredMatter: () => true, now };
  return createOwnerCare({ preferences, sensors: (wants) => sensors({ ...machine, wants }), onChange, now, log });
}

async function openOrSay(options: Parameters<typeof openControl>[0]): Promise<Control | undefined> {
  try {
    return await openControl(options);
  } catch (err) {
    options.log.warn({ err }, 'programs of this machine cannot control this node');
    return undefined;
  }
}

type DeskParts = Omit<HeadlessControlOptions, 'dataFolder' | 'relayUrl'> & {
  wish: OwnerWish;
  care: OwnerCare;
  link(): RelayLink;
  node(): ControlledNode | undefined;
};

function createHeadlessDesk(parts: DeskParts): ControlDesk & { /** Sees since when a state holds. */ note(): void } {
  const { wish, care, link, node, policy, ledger, log, now, version } = parts;
  const { jobs } = ledger;
  const startedAt = now();
  const since = createSince(now);
  const said = (): Headline & { since: number } => {
    const circumstances = { policy, wish: wish.current(), link: link(), models: node()?.models() };
    const told = headlineOf({ ...circumstances, care: care.yielding() });
    return { ...told, since: since(told.code) };
  };
  const status = (): NodeStatus => ({
    kind: 'agent',
    version,
    pid: process.pid,
    startedAt,
    ...said(),
    wish: wish.current(),
    relay: link(),
    jobs: jobs.list(),
    done: jobs.done(),
    ...ledgerSums(ledger.read, dayOf(now())),
    models: heldOf(node()?.models() ?? []),
    rules: care.rules(),
    ...toldOf(node()?.gpus),
  });
  return {
    status,
    pause: (forMs) => wish.say({ state: 'paused', until: forMs === null ? null : now() + forMs }),
    resume: () => wish.say({ state: 'contribute' }),
    finish: () => wish.say({ state: 'finish' }),
    note: said,
    ledger: ledger.read,
    log,
  };
}

/** Nothing where all was found as it is. */
function toldOf(told: ControlledNode['gpus']): Pick<NodeStatus, 'gpus'> {
  const { gpus, removed = [] } = told ?? {};
  const counted = gpus ?? [];
  const isTold = removed.length > 0 || counted.some(({ found }) => found !== undefined);
  return isTold ? { gpus: { counted, removed } } : {};
}

type Circumstances = {
  policy: OwnerPolicy;
  wish: Wish;
  care: Yielding | undefined;
  link: RelayLink;
  /** Undefined while it starts. */
  models: readonly RuntimeModel[] | undefined;
};

/** What the owner says by hand comes first, then their rules and policy, then what the node itself and its relay do. */
function headlineOf({ policy, wish, care, link, models }: Circumstances): Headline {
  const said = byHand(wish) ?? care;
  if (said !== undefined) return headline(said, link, undefined);
  const shown = policy.shown();
  const { open, reason: code, changes_at: until } = shown;
  if (!open && code === 'hours') {
    return { contributing: false, code, reason: 'Paused: outside the hours of its policy', until };
  }
  if (!open) return { contributing: false, code: 'policy', reason: 'Paused by its policy, whatever is resumed', until };
  if (models === undefined) {
    return { contributing: false, code: 'starting', reason: 'Starting: its models are made ready', until: null };
  }
  const nothing = whyNothingAllowed(models, shown);
  return headline({ contributing: true, profile: 'away', slots: 0, reason: 'Contributing', until }, link, nothing);
}

/** Programs are no models, and lie in no memory. */
export function heldOf(
  models: readonly (Pick<RuntimeModel, 'name' | 'type' | 'device' | 'size_bytes' | 'trials' | 'threadTrial'> & {
    state: string;
  })[],
): HeldModel[] {
  return models
    .filter(({ state, type }) => state === 'warm' && !(TOOL_TYPES as readonly string[]).includes(type))
    .map(({ name, type, device, size_bytes: sizeBytes, trials, threadTrial }) => ({
      ...{ name, type, device, sizeBytes },
      ...(trials === undefined ? {} : { trials }),
      ...(threadTrial === undefined ? {} : { threadTrial }),
    }));
}
