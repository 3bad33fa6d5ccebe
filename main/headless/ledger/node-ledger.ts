import { join } from 'node:path';
import type { Agent } from '../../../shared/agent/agent.ts';
import type { AgentLog } from '../../../shared/agent/log.ts';
import type { RelayLink } from '../../../shared/ipc/app-state.ts';
import type { OwnerPolicy } from '../../../shared/policy/owner-policy.ts';
import { Problem } from '../../../shared/problems/problem.ts';
import type { Gpu } from '../../../shared/protocol/capabilities.ts';
import type { RuntimeModel } from '../../../shared/runtimes/runtime.ts';
import type { ReadableLedger } from '../control/control-desk.ts';
import { createRunningJobs, type RunningJobs } from '../control/running-jobs.ts';
import { createEnergyMeter } from '../energy/energy-meter.ts';
import { createPowerDrawReader } from '../power-draw.ts';
import { createJobDesk, noteEnergy } from './job-desk.ts';
import type { Ledger } from './ledger.ts';
import { createLedgerWriter } from './ledger-writer.ts';
import { createRecordKeeper } from './record-keeper.ts';
import { openWholeLedger } from './whole-ledger.ts';

/** In the folder of a node without a screen. */
export const LEDGER_FILE = 'ledger.sqlite';

export type NodeLedgerOptions = {
  dataFolder: string;
  relayUrl: string;
  policy: Pick<OwnerPolicy, 'isOpen'>;
  readPower?: ReturnType<typeof createPowerDrawReader>;
  now: () => number;
  log: AgentLog;
};

export type LedgerNode = {
  agent: Pick<Agent, 'hasSession' | 'records'>;
  link(): RelayLink;
  models(): readonly Pick<RuntimeModel, 'name' | 'device'>[];
  gpus: readonly Gpu[];
};

export type NodeLedger = {
  readonly jobs: RunningJobs;
  /** Errors: `data_folder_unusable` where nothing is written down. */
  read(): ReadableLedger;
  /** From when on receipts are fetched and energy is metered. */
  attach(node: LedgerNode): void;
  close(): void;
};

const LOOK_EVERY_MS = 1_000;

/**
 * What a node without a screen has done, in the app's own ledger. A disk that takes none, or a file that is none of its own,
 * costs no job: the node works and says that nothing is written down.
 */
export function openNodeLedger(options: NodeLedgerOptions): NodeLedger {
  const { dataFolder, log, now } = options;
  const path = join(dataFolder, LEDGER_FILE);
  try {
    return keepLedger(openWholeLedger(path, log, now()), options);
  } catch (err) {
    log.warn({ err, path }, 'what this node does is not written down: its ledger cannot be opened');
    const read = (): never => {
      throw new Problem(
        'data_folder_unusable',
        `What this node does is not written down: ${path} could not be opened when it started.`,
        { cause: err },
      );
    };
    return { jobs: createRunningJobs(), read, attach: () => undefined, close: () => undefined };
  }
}

function keepLedger(ledger: Ledger, options: NodeLedgerOptions): NodeLedger {
  const { relayUrl, policy, now, log, readPower = createPowerDrawReader({ platform: process.platform }) } = options;
  const unwritten = createLaterTurn();
  const writer = createLedgerWriter({ log });
  const write = (work: () => void): void => unwritten.add(() => writer.write(work));
  let node: LedgerNode | undefined;
  const energy = createEnergyMeter({
    read: readPower,
    deviceOf: (model) => node?.models().find(({ name }) => name === model)?.device,
    readsGpu: () => node?.gpus.some(({ name, vendor }) => /nvidia/i.test(`${vendor} ${name}`)) === true,
    isExpecting: () => policy.isOpen() && node?.agent.hasSession() === true,
    isTesting: () => false,
    // After the job of which it is.
    onKnown: noteEnergy(ledger, write),
    now,
  });
  const records = createRecordKeeper({
    ledger,
    link: () => node?.link() ?? { state: 'connecting', relay: relayUrl },
    ask: (question) => {
      if (node === undefined) throw new Problem('relay_unreachable', 'The node has not met its relay yet.');
      return node.agent.records(question);
    },
    now,
    onChange: () => undefined,
    log,
  });
  const jobs = createJobDesk({
    ledger,
    energy,
    relay: () => relayUrl,
    onChange: () => undefined,
    onDone: records.jobDone,
    write,
  });
  const timer = setInterval(() => {
    void energy.look();
    void records.look();
    writer.look();
  }, LOOK_EVERY_MS).unref();
  return {
    jobs,
    read: () => ledger,
    attach: (attached) => {
      node = attached;
    },
    close: () => {
      clearInterval(timer);
      records.close();
      unwritten.flush();
      writer.close();
      ledger.close();
    },
  };
}

/** Puts work off to a later turn, so that the end of an answer waits for no disk. */
function createLaterTurn(): { add(work: () => void): void; flush(): void } {
  const waiting: (() => void)[] = [];
  const flush = (): void => {
    for (const work of waiting.splice(0)) work();
  };
  return {
    add: (work) => {
      if (waiting.push(work) === 1) setImmediate(flush);
    },
    flush,
  };
}
