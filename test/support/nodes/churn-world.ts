import type { TestContext } from 'node:test';
import type { Bus } from '../../../relay/fabric/bus/bus.ts';
import { createFreshness } from '../../../relay/fabric/documents/documents-freshness.ts';
import { createNodeTable, type LiveNode, type NodeTable } from '../../../relay/fabric/nodes/node-table.ts';
import { keepSessions } from '../../../relay/fabric/nodes/sessions.ts';
import type { JobSpec } from '../../../relay/jobs/job.ts';
import { recordOperatorJobs } from '../../../relay/jobs/operator-jobs.ts';
import { createRecordKeeper } from '../../../relay/jobs/record-keeper.ts';
import { createJobRunner, type JobRunner } from '../../../relay/jobs/run-job.ts';
import { createScheduler, type Scheduler } from '../../../relay/scheduler/scheduler.ts';
import type { JobRecord, Store } from '../../../relay/store/store.ts';
import { Problem } from '../../../shared/problems/problem.ts';
import { createFakeBus } from '../bus/fake-bus.ts';
import { trackDocuments } from '../bus/tracked-documents.ts';
import { collectLog } from '../log.ts';
import { mockTime } from '../pending-timers.ts';
import { CHURN_MODEL, type ChurnNode, createChurnNode } from './churn-node.ts';

/** The relay's real parts among simulated nodes, in simulated time. */
export type ChurnWorld = {
  readonly nodes: readonly ChurnNode[];
  readonly table: NodeTable;
  readonly scheduler: Scheduler;
  readonly jobs: JobRunner;
  /** Everything that was written down. */
  readonly records: JobRecord[];
  readonly violations: string[];
  /** How often what was to be told apart did happen, so that a test that saw nothing can fail. */
  readonly seen: { requests: number; staleReports(): number };
  now(): number;
  /** Lets time pass in small steps, with everything that comes due in each. */
  pass(ms: number): Promise<void>;
  /** Begins a job and checks each piece of its answer as it comes. */
  begin(number: number): void;
  running(): number;
};

const STEP_MS = 50;
/** Later than this, nothing may be sent to a process that has ended. */
const DEAD_MS = 1_000;
/** The server's three pings, and what it takes to tell. */
const FROZEN_MS = 6_500;
/** So long may a job stay on a node that is frozen. One that never answered a ping is missed by the server alone (SPEC S12). */
const STUCK_MS = 5_000;
const JOB: Omit<JobSpec, 'id' | 'receiptId' | 'requestId'> = {
  apiKeyId: 'key_1',
  type: 'llm',
  model: CHURN_MODEL,
  stream: true,
  input: {
    messages: [{ role: 'user', content: 'x' }],
    maxTokens: null,
    temperature: null,
    topP: null,
    seed: null,
    stop: [],
  },
  maxWaitMs: 5_000,
  timeoutMs: 60_000,
  stallTimeoutMs: 30_000,
};

export function createChurnWorld(t: TestContext, count: number, random: () => number): ChurnWorld {
  const time = mockTime(t);
  const clock = { now: 1_000_000 };
  const now = (): number => clock.now;
  const log = collectLog();
  const violations: string[] = [];
  const records: JobRecord[] = [];
  const seen = { requests: 0, staleReports: () => operators.staleReports() };
  const byId = new Map<string, ChurnNode>();
  /** Where each job is that nothing has come of yet, and since when. */
  const silent = new Map<string, { node: ChurnNode; at: number }>();
  const answering = new WeakSet<LiveNode>();
  const onAnswer = (node: ChurnNode, subject: string): void => {
    const live = table.get(node.id);
    if (live !== undefined && subject.endsWith('.ping')) answering.add(live);
  };
  const onSent = (node: ChurnNode, subject: string, data: Uint8Array): void => {
    const { job } = subject.includes('.job.cancel') || subject.endsWith('.llm.request') ? readJob(data) : { job: '' };
    if (subject.endsWith('.job.cancel')) silent.delete(job);
    if (!subject.endsWith('.llm.request')) return;
    silent.set(job, { node, at: now() });
    seen.requests += 1;
    const forMs = now() - node.since();
    if (node.state() === 'gone' && forMs > DEAD_MS) violations.push(`a job went to ${node.id}, dead for ${forMs} ms`);
    if (node.state() === 'frozen' && forMs > FROZEN_MS) {
      violations.push(`a job went to ${node.id}, frozen for ${forMs} ms`);
    }
  };
  const bus = worldBus(byId, { onSent, onAnswer });
  const nodes = Array.from({ length: count }, (_, number) =>
    createChurnNode(number, {
      random,
      now,
      after: (ms, run) => void setTimeout(run, ms),
      publish: bus.say,
      respond: (reply, data) => void bus.reply(reply, data),
      connected: bus.connectNode,
      disconnected: bus.disconnectNode,
    }),
  );
  for (const node of nodes) byId.set(node.id, node);

  const table = createNodeTable();
  const documents = trackDocuments(now);
  const freshness = createFreshness({ bus, table, documents, clock: now, log });
  let epochs = 0;
  const sessions = keepSessions({
    bus,
    table,
    documents,
    freshness,
    publicKeyOf: async (nodeId) => byId.get(nodeId)?.publicKey,
    nextEpoch: async () => ++epochs,
    now,
    clock: now,
    log,
  });
  t.after(sessions.stop);
  const store = {
    jobs: {
      findJob: async (id: string) => records.find((record) => record.id === id),
      recordFinishedJob: async (record: JobRecord) => {
        records.push(record);
        if (record.apiKeyId !== 'operator') return null;
        const { nodeId = '', epoch } = record.attempts[0] ?? {};
        if (table.get(nodeId)?.epoch !== epoch) violations.push(`a report of ${nodeId}/${epoch} was written down`);
        return null;
      },
    },
  } as unknown as Store;
  const scheduler = createScheduler(table, { now, random });
  const receiptKeys = { relay: 'N', publicKeyOf: (nodeId: string) => byId.get(nodeId)?.publicKey };
  const billing = { chargeFor: () => null, reserve: () => undefined };
  const keeper = createRecordKeeper({ store: store.jobs, log });
  const jobs = createJobRunner({ bus, table, scheduler, records: keeper, receiptKeys, billing, log, clock: now });
  const operators = recordOperatorJobs({ bus, table, store: store.jobs, receiptKeys, now, log });

  const begin = (number: number): void => {
    const id = `job_${String(number).padStart(16, '0')}`;
    const pieces: string[] = [];
    const text = (piece: string): void => {
      if (piece === '') return;
      pieces.push(piece);
      silent.delete(id);
      const [nodeId = '', epoch] = piece.trim().split('/');
      const session = table.get(nodeId)?.epoch;
      if (session !== Number(epoch)) violations.push(`${id} took a word of ${piece}under epoch ${session}`);
      if (new Set(pieces).size > 1) violations.push(`${id} has words of two attempts: ${pieces.join()}`);
    };
    const job: JobSpec = { ...JOB, id, receiptId: `rcpt_${number}`, requestId: `req_${number}` };
    const ended = (): void => void silent.delete(id);
    jobs.run(job, { text }, new AbortController()).then(ended, (error: unknown) => {
      ended();
      if (!(error instanceof Problem) || error.code === 'internal') violations.push(`${id} ended with ${error}`);
    });
  };
  const lookForStuck = (): void => {
    for (const [id, { node, at }] of silent) {
      const forMs = now() - Math.max(at, node.since());
      const live = table.get(node.id);
      if (node.state() !== 'frozen' || live === undefined) continue;
      if (forMs <= (answering.has(live) ? STUCK_MS : FROZEN_MS)) continue;
      violations.push(`${id} has been on ${node.id} for ${forMs} ms since it froze`);
      silent.delete(id);
    }
  };

  return {
    nodes,
    table,
    scheduler,
    jobs,
    records,
    violations,
    seen,
    now,
    begin,
    running: () => jobs.running(),
    pass: async (ms) => {
      for (let left = ms; left > 0; left -= STEP_MS) {
        const step = Math.min(left, STEP_MS);
        clock.now += step;
        time.tick(step);
        await documents.settled();
        lookForStuck();
      }
    },
  };
}

function readJob(data: Uint8Array): { job: string } {
  return JSON.parse(new TextDecoder().decode(data)) as { job: string };
}

type Watch = {
  onSent(node: ChurnNode, subject: string, data: Uint8Array): void;
  /** A question was answered in time. */
  onAnswer(node: ChurnNode, subject: string): void;
};
type WorldBus = ReturnType<typeof createFakeBus>;

/** The bus between them: nobody answers for who is not connected, and a frozen node answers nothing. */
function worldBus(nodes: ReadonlyMap<string, ChurnNode>, watch: Watch): WorldBus {
  const bus = createFakeBus();
  const nodeOf = (subject: string): ChurnNode | undefined => nodes.get(subject.split('.', 2)[1] ?? '');
  const publish: Bus['publish'] = (subject, data, reply) => {
    const node = nodeOf(subject);
    if (node === undefined) return;
    watch.onSent(node, subject, data);
    if (node.state() !== 'gone') node.hear(subject, data, reply);
    else if (reply !== undefined) setTimeout(() => bus.reply(reply, new Uint8Array(), 'no-responders'), 1);
  };
  return {
    ...bus,
    publish,
    request: (subject, data, timeoutMs) => {
      const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
      const lost = (): void => reject(new Problem('node_lost', 'The node did not answer.'));
      const reply = bus.openReply((bytes, status) => {
        if (status !== 'message') return lost();
        const node = nodeOf(subject);
        if (node !== undefined) watch.onAnswer(node, subject);
        resolve(bytes);
      });
      const timer = setTimeout(lost, timeoutMs);
      publish(subject, data, reply.subject);
      return promise.finally(() => {
        clearTimeout(timer);
        reply.close();
      });
    },
  };
}
