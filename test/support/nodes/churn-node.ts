import { encodeJson } from '../../../shared/protocol/codec.ts';
import { LIMITS } from '../../../shared/protocol/limits.ts';
import type { CancelRequest, Heartbeat, JobRequest, OpenSession } from '../../../shared/protocol/messages.ts';
import type { OperatorReport } from '../../../shared/protocol/operator.ts';
import { subjects } from '../../../shared/protocol/subjects.ts';
import { createFastKey } from '../fast-key.ts';
import { documentFor } from './live-nodes.ts';
import { SCRIPTED_END, signDocument } from './scripted-node.ts';

/** What a node of the churn is doing. `gone`: its process has ended. */
export type ChurnState = 'up' | 'frozen' | 'gone';

/** What a simulated node needs of the world around it. */
export type ChurnLine = {
  random: () => number;
  now: () => number;
  /** Runs something in simulated time. */
  after(ms: number, run: () => void): void;
  publish(subject: string, data: Uint8Array): void;
  respond(reply: string, data: Uint8Array): void;
  /** The server's own words about this node's connection. */
  connected(publicKey: string): void;
  disconnected(publicKey: string): void;
};

export type ChurnNode = {
  readonly id: string;
  readonly publicKey: string;
  state(): ChurnState;
  /** Since when it is in this state. */
  since(): number;
  /** A process starts. */
  start(): void;
  die(): void;
  freeze(): void;
  thaw(): void;
  hear(subject: string, data: Uint8Array, reply: string | undefined): void;
};

export const CHURN_MODEL = 'churn/model';
const SLOTS = 2;
const GHOST_SHARE = 0.1;
/** The server gives up on a silent connection after three pings of 2 s. */
const SERVER_PATIENCE_MS = 6_000;
/** How long the server needs to notice that a process has gone. */
const NOTICED_MS = 20;

/**
 * A node that keeps the protocol, and an adversary whenever that could go wrong: a thawed one first sends all that it
 * had to say under its old epoch, a returned one may beat, tell of work and send frames under that of an earlier life.
 */
export function createChurnNode(number: number, line: ChurnLine): ChurnNode {
  const key = createFastKey();
  const id = `churn-${number}`;
  const jobs = new Map<string, JobRequest>();
  let state: ChurnState = 'gone';
  let since = 0;
  /** Counts processes and connections; what was planned in an earlier one does not happen. */
  let life = 0;
  let connection = 0;
  let isConnected = false;
  let epoch = 0;
  let oldEpoch = 0;
  let held: (() => void)[] = [];

  const turn = (to: ChurnState): void => {
    state = to;
    since = line.now();
  };
  const instance = (): string => `${id}-life-${life}`;
  /** Later, if the process still lives; a frozen one does it when it thaws. */
  const later = (ms: number, run: () => void): void => {
    const planned = life;
    line.after(ms, () => {
      if (planned !== life) return;
      if (state === 'frozen') held.push(run);
      else run();
    });
  };
  const beat = (as = epoch): void => {
    const heartbeat: Heartbeat = {
      instance: instance(),
      epoch: as,
      revision: 1,
      slots: { total: SLOTS, used: jobs.size },
    };
    line.publish(subjects.heartbeat(id), encodeJson(heartbeat));
  };
  const beatOn = (): void => {
    beat();
    later(LIMITS.heartbeatIntervalMs, beatOn);
  };
  const report = (as: number): void => {
    if (as === 0) return;
    const { execution, usage } = SCRIPTED_END;
    const hash = '0'.repeat(64);
    const told: OperatorReport = {
      job: `job_${Math.floor(line.random() * 2 ** 52)
        .toString(36)
        .padStart(32, '0')}`,
      epoch: as,
      ranUnder: as,
      type: 'llm',
      model: CHURN_MODEL,
      requestHash: hash,
      totalMs: 1,
      outcome: { state: 'succeeded', responseHash: hash, usage, execution, firstTokenMs: 1 },
    };
    line.publish(subjects.result(id), encodeJson(told));
  };
  const connect = (): void => {
    connection += 1;
    isConnected = true;
    line.connected(key.publicKey);
    beat();
  };
  const lose = (): void => {
    if (!isConnected) return;
    isConnected = false;
    line.disconnected(key.publicKey);
  };

  const open = (data: Uint8Array, reply: string): void => {
    const offer = JSON.parse(new TextDecoder().decode(data)) as OpenSession;
    if (offer.instance !== instance() || offer.epoch < epoch) return;
    if (offer.epoch > epoch) jobs.clear();
    oldEpoch = epoch || oldEpoch;
    epoch = offer.epoch;
    const times = { issued_at: line.now(), expires_at: line.now() + LIMITS.documentLifetimeMs };
    const document = documentFor(id, [CHURN_MODEL], { instance: instance(), ...times });
    line.respond(reply, encodeJson(signDocument(document, key)));
  };
  const work = (data: Uint8Array, reply: string): void => {
    const request = JSON.parse(new TextDecoder().decode(data)) as JobRequest;
    const send = (seq: number, frame: Record<string, unknown>): void =>
      line.respond(reply, encodeJson({ epoch: request.epoch, seq, ...frame }));
    const refuse = (code: string): void => send(0, { type: 'error', problem: { code, detail: 'The node refuses.' } });
    if (request.epoch !== epoch) {
      refuse('stale_epoch');
      return;
    }
    if (jobs.size >= SLOTS) {
      refuse('node_busy');
      return;
    }
    if (oldEpoch > 0 && line.random() < GHOST_SHARE) {
      send(0, { type: 'text', text: 'a ghost ', tokens: 1, epoch: oldEpoch });
    }
    const place = `${request.job}/${request.attempt}`;
    jobs.set(place, request);
    /** A frozen node's frames go out when it thaws, also those that nobody wants any more. */
    const step = (ms: number, seq: number, frame: Record<string, unknown>): void =>
      later(ms, () => {
        if (jobs.get(place) !== request) return;
        if (frame.type === 'done') jobs.delete(place);
        send(seq, frame);
      });
    const workMs = 200 + line.random() * 3_000;
    const mark = `${id}/${request.epoch} `;
    step(20, 0, { type: 'accepted' });
    step(workMs, 1, { type: 'text', text: mark, tokens: 1 });
    step(workMs + line.random() * 500, 2, { type: 'done', text: mark, ...SCRIPTED_END });
  };
  const dispatch = (subject: string, data: Uint8Array, reply: string | undefined): void => {
    if (subject === subjects.openSession(id) && reply !== undefined) open(data, reply);
    else if (subject === subjects.ping(id) && reply !== undefined) line.respond(reply, new Uint8Array());
    else if (subject === subjects.jobRequest(id, 'llm') && reply !== undefined) work(data, reply);
    else if (subject === subjects.cancelJob(id)) {
      const { job, attempt } = JSON.parse(new TextDecoder().decode(data)) as CancelRequest;
      jobs.delete(`${job}/${attempt}`);
    }
  };

  return {
    id,
    publicKey: key.publicKey,
    state: () => state,
    since: () => since,
    start: () => {
      life += 1;
      oldEpoch = epoch || oldEpoch;
      epoch = 0;
      jobs.clear();
      held = [];
      turn('up');
      connect();
      if (line.random() < 0.3) report(oldEpoch);
      if (line.random() < 0.3) beat(oldEpoch);
      later(line.random() * LIMITS.heartbeatIntervalMs, beatOn);
    },
    die: () => {
      life += 1;
      turn('gone');
      const ended = connection;
      line.after(NOTICED_MS, () => {
        if (ended === connection) lose();
      });
    },
    freeze: () => {
      turn('frozen');
      const silent = { life, since };
      line.after(SERVER_PATIENCE_MS, () => {
        if (life === silent.life && state === 'frozen' && since === silent.since) lose();
      });
    },
    thaw: () => {
      turn('up');
      const due = held;
      held = [];
      for (const run of due) run();
      report(epoch);
      if (isConnected) return;
      // Only now does it see that its connection has gone.
      oldEpoch = epoch || oldEpoch;
      epoch = 0;
      jobs.clear();
      connect();
    },
    hear: (subject, data, reply) => {
      if (state === 'frozen') held.push(() => dispatch(subject, data, reply));
      else if (state === 'up') later(1 + line.random() * 5, () => dispatch(subject, data, reply));
    },
  };
}
