import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';
import { RelayLink, RunningJob } from '../ipc/app-state.ts';
import { LedgerSums } from '../ipc/ledger-sums.ts';
import { LedgerJob, LedgerReceipt } from '../ipc/ledger-views.ts';
import { SetRule } from '../preferences/owner-rules.ts';
import { Wish } from '../preferences/wish.ts';
import { ProblemRecord } from '../problems/problem-record.ts';
import { DeviceTrial, Gpu } from '../protocol/capabilities.ts';
import { ThreadTrial } from '../runtimes/thread-trial.ts';

/**
 * How programs of a machine ask the node that runs on it. Both sides write one JSON object per line: a request, then its
 * answer, in turn; after `log` with `follow` there are only answers, until either side ends the connection.
 */
export const CONTROL_VERSION = 1;

/** Within the folder of the node or of the app: what leads to the endpoints of the processes that run there. */
export const CONTROL_FOLDER = 'control';
/** Of a request, in bytes; the longest that means something has some hundred. */
export const REQUEST_LINE_MOST_BYTES = 4_096;
/** Of an answer, in bytes: a state with all jobs and models of a node that has hundreds of each. */
export const ANSWER_LINE_MOST_BYTES = 1_048_576;
/** A longer line of the log is cut. */
export const LOG_LINE_MOST_CHARACTERS = 16_384;
export const LOG_LINES_MOST = 1_000;
/** Of one answer; each of a job has some hundred bytes. */
export const LEDGER_JOBS_MOST = 500;
/** Of one answer; each has about two kilobytes. */
export const LEDGER_RECEIPTS_MOST = 100;
/** A pause that is longer has no end but its owner's. */
export const PAUSE_MOST_MS = 30 * 24 * 3_600_000;

const strict = { additionalProperties: false };
const version = Type.Literal(CONTROL_VERSION);
const At = Type.Integer({ minimum: 0 });
/** Those of rows before this one, the newest first; null begins with the newest. */
const before = Type.Union([Type.Integer({ minimum: 0 }), Type.Null()]);
const limitOf = (maximum: number) => Type.Integer({ minimum: 1, maximum });
/** What to pass as `before` for those that follow; null when there are none. */
const next = Type.Union([Type.Integer({ minimum: 0 }), Type.Null()]);

export const ControlRequest = Type.Union([
  Type.Object({ version, ask: Type.Literal('status') }, strict),
  Type.Object(
    {
      version,
      ask: Type.Literal('pause'),
      /** Null is until the owner resumes. */
      forMs: Type.Union([Type.Integer({ minimum: 1, maximum: PAUSE_MOST_MS }), Type.Null()]),
    },
    strict,
  ),
  Type.Object({ version, ask: Type.Literal('resume') }, strict),
  Type.Object({ version, ask: Type.Literal('finish') }, strict),
  Type.Object(
    {
      version,
      ask: Type.Literal('log'),
      /** So many of the last ones. */
      lines: Type.Integer({ minimum: 0, maximum: LOG_LINES_MOST }),
      /** Whether those that come are told too. */
      follow: Type.Boolean(),
    },
    strict,
  ),
  Type.Object({ version, ask: Type.Literal('jobs'), before, limit: limitOf(LEDGER_JOBS_MOST) }, strict),
  Type.Object({ version, ask: Type.Literal('receipts'), before, limit: limitOf(LEDGER_RECEIPTS_MOST) }, strict),
]);
export type ControlRequest = Static<typeof ControlRequest>;

/** A model that lies in memory. */
const HeldModel = Type.Object({
  name: Type.String(),
  type: Type.String(),
  device: Type.String(),
  sizeBytes: Type.Integer({ minimum: 0 }),
  /** How it did on each device, where there was a choice. */
  trials: Type.Optional(Type.Array(DeviceTrial)),
  threadTrial: Type.Optional(ThreadTrial),
});
export type HeldModel = Static<typeof HeldModel>;

/** What the owner of a machine wants to know of its node; nothing of any input. Times are milliseconds since 1970. */
export const NodeStatus = Type.Object({
  kind: Type.Union([Type.Literal('app'), Type.Literal('agent')]),
  version: Type.String(),
  pid: Type.Integer({ minimum: 0 }),
  startedAt: At,
  contributing: Type.Boolean(),
  /**
   * `contributing`, or why not: a code of `YIELD_CODES`, `policy`, `starting`, `no_model_allowed`, `no_service_allowed`,
   * `unpaired`, `key_store_locked`, `unreachable` or `refused`.
   */
  code: Type.String(),
  /** The same as one line for a person. */
  reason: Type.String(),
  /** When that ends by itself; null when it does not. */
  until: Type.Union([At, Type.Null()]),
  /** When that began. */
  since: At,
  /** What the owner has said by hand. */
  wish: Wish,
  relay: RelayLink,
  jobs: Type.Array(RunningJob),
  /** What it has done for others since it started; of the app only what its ledger has. */
  done: Type.Optional(Type.Object({ jobs: Type.Integer({ minimum: 0 }), outputTokens: Type.Integer({ minimum: 0 }) })),
  /** What the ledger of this machine has; absent where none is kept, or it cannot be read. */
  ledger: Type.Optional(
    Type.Object({
      today: LedgerSums,
      inAll: LedgerSums,
      /** The first day that is in it; null while it is empty. */
      since: Type.Union([Type.String(), Type.Null()]),
    }),
  ),
  models: Type.Array(HeldModel),
  /** Where the owner tells of GPUs in its settings: those that count, with what was found, and those that are none. */
  gpus: Type.Optional(Type.Object({ counted: Type.Array(Gpu), removed: Type.Array(Gpu) })),
  /** The owner's rules for what goes on at the machine, and whether the system tells enough to follow each. */
  rules: Type.Optional(Type.Array(SetRule)),
});
export type NodeStatus = Static<typeof NodeStatus>;

export const ControlAnswer = Type.Union([
  /** To everything that asks for nothing else: the state after it. */
  Type.Object({ version, answer: Type.Literal('status'), status: NodeStatus }),
  /** One line of the log, itself a JSON object as text. */
  Type.Object({ version, answer: Type.Literal('log'), line: Type.String() }),
  /** There are no more lines. */
  Type.Object({ version, answer: Type.Literal('end') }),
  Type.Object({ version, answer: Type.Literal('jobs'), jobs: Type.Array(LedgerJob), next }),
  Type.Object({ version, answer: Type.Literal('receipts'), receipts: Type.Array(LedgerReceipt), next }),
  Type.Object({ version, answer: Type.Literal('problem'), problem: ProblemRecord }),
]);
export type ControlAnswer = Static<typeof ControlAnswer>;

/** The content of a file in the control folder: where one process listens. */
export const ControlPlace = Type.Object({
  version,
  /** The path of a Unix socket, or the name of a pipe of Windows. */
  address: Type.String({ minLength: 1, maxLength: 1_024, pattern: '^(?:/|\\\\\\\\\\.\\\\pipe\\\\)' }),
  pid: Type.Integer({ minimum: 0 }),
});
export type ControlPlace = Static<typeof ControlPlace>;

/** What a file says of an endpoint; undefined where it is damaged: that is nobody who listens. */
export function parsePlace(text: string): ControlPlace | undefined {
  try {
    const place: unknown = JSON.parse(text);
    return Value.Check(ControlPlace, place) ? place : undefined;
  } catch {
    return undefined;
  }
}

/** The bytes of one line. */
export function controlLine(value: ControlRequest | ControlAnswer): string {
  return `${JSON.stringify(value)}\n`;
}
