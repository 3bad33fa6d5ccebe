import { createSteadyClock } from '../clock/steady-clock.ts';
import { Problem, toProblem, toProblemRecord } from '../problems/problem.ts';
import type { ServedModel } from '../protocol/capabilities.ts';
import { encodeJson, messageReader } from '../protocol/codec.ts';
import { type DoneFrame, type ErrorFrame, Frame, type JobRequest } from '../protocol/messages.ts';
import { type OperatorAnswer, type OperatorReport, ReportKept } from '../protocol/operator.ts';
import { type JobType, subjects } from '../protocol/subjects.ts';
import { outputBytes, requestBytes } from '../receipts/hashed-content.ts';
import type { JobRunner } from './job-runner.ts';
import { readOperatorRequest } from './operator-request.ts';
import { createVectorRows, type VectorRows } from './vector-rows.ts';

export type OperatorDeskPorts = {
  nodeId: () => string;
  jobs: JobRunner;
  epoch: () => number;
  models: () => readonly ServedModel[];
  now: () => number;
  randomId: () => string;
};

/** Serves the operator's own programs: one JSON request, one JSON reply, and a report to the relay. */
export type OperatorDesk = {
  handle(type: JobType, data: Uint8Array, reply: (data: Uint8Array) => void): void;
  /** Tells the relay what it has not confirmed yet. */
  report(through: Publish): void;
  /** The relay has confirmed a report. */
  kept(data: Uint8Array): void;
  /** Answers everyone who still waits: their jobs were abandoned with the session. */
  abandonAll(reason: string): void;
};

type Publish = (subject: string, data: Uint8Array) => void;
type Waiting = { answer(answer: OperatorAnswer): void };
type Told = Omit<OperatorReport, 'epoch'>;

const readFrame = messageReader(Frame, 'frame');
const readKept = messageReader(ReportKept, 'confirmation');
/** Reports are small, and a relay that is away for longer than this many jobs has other worries. */
const MOST_REPORTS = 1_000;

/**
 * Invariants: (1) a request is answered exactly once; (2) it runs through the same job runner as the relay's, so that
 * slots, session and policy apply; (3) work that was done is reported until the relay confirms it, under the epoch of
 * the session in which it is told.
 */
export function createOperatorDesk({ now, ...given }: OperatorDeskPorts): OperatorDesk {
  const ports = { ...given, now: createSteadyClock(now) };
  const waiting = new Map<string, Waiting>();
  const reports = new Map<string, Told>();
  let publish: Publish | undefined;

  const tell = (report: Told): void => {
    const epoch = ports.epoch();
    if (epoch > 0) publish?.(subjects.result(ports.nodeId()), encodeJson({ ...report, epoch }));
  };
  const keep = (report: Told): void => {
    const [oldest] = reports.keys();
    if (reports.size >= MOST_REPORTS && oldest !== undefined) reports.delete(oldest);
    reports.set(report.job, report);
    tell(report);
  };

  return {
    handle: (type, data, reply) => {
      const job = `job_${ports
        .randomId()
        .toLowerCase()
        .replaceAll(/[^0-9a-z]/g, '')}`;
      const answer = answerOnce(job, waiting, reply, ports);
      try {
        const request = { ...readOperatorRequest(type, data, ports.models()), job, attempt: 1, epoch: epochOf(ports) };
        follow(request, answer, keep, ports);
      } catch (error) {
        answer(refusal(job, toProblem(error), ports));
      }
    },
    report: (through) => {
      publish = through;
      for (const report of reports.values()) tell(report);
    },
    kept: (data) => void reports.delete(readKept(data).job),
    abandonAll: (reason) => {
      for (const [job, { answer }] of waiting) answer(refusal(job, new Problem('node_lost', reason), ports));
    },
  };
}

function answerOnce(
  job: string,
  waiting: Map<string, Waiting>,
  reply: (data: Uint8Array) => void,
  ports: OperatorDeskPorts,
): (answer: OperatorAnswer) => void {
  const answer = (value: OperatorAnswer): void => {
    if (!waiting.delete(job)) return;
    // Where the bus takes no message of this size, the reason is shorter; where it does not take that, nobody is told.
    const problem = new Problem('body_too_large', 'The answer does not fit in one message. Ask for less at a time.');
    for (const said of [value, refusal(job, problem, ports)]) {
      try {
        reply(encodeJson(said));
        return;
      } catch {}
    }
  };
  waiting.set(job, { answer });
  return answer;
}

/** Hands the request to the job runner and makes one answer of its frames. */
function follow(
  request: JobRequest,
  answer: (answer: OperatorAnswer) => void,
  keep: (report: Told) => void,
  ports: OperatorDeskPorts,
): void {
  const startedAt = ports.now();
  const rows = createVectorRows();
  const { job, type, model } = request;
  const report = async (outcome: Told['outcome']): Promise<void> => {
    const totalMs = ports.now() - startedAt;
    const requestHash = await sha256Hex(requestBytes(request));
    keep({ job, ranUnder: request.epoch, type, model, requestHash, totalMs, outcome });
  };
  const onDone = async (frame: DoneFrame): Promise<void> => {
    const responseHash = await sha256Hex(answerBytes(request, frame, rows));
    const { usage, execution, timings } = frame;
    await report({ state: 'succeeded', responseHash, usage, execution, firstTokenMs: timings.firstTokenMs });
    answer(success(request, frame, rows, ports.now() - startedAt, ports));
  };
  const onError = async ({ seq, problem }: ErrorFrame): Promise<void> => {
    // A refusal before the start is no work; anything later is.
    if (seq > 0 || !REFUSALS.has(problem.code)) await report({ state: 'failed', problem });
    answer(refusalOf(job, problem.code, problem.detail, ports));
  };
  ports.jobs.handle(request, (data) => {
    const frame = readFrame(data);
    if (frame.type === 'vectors') rows.add(frame);
    const end = frame.type === 'done' ? onDone(frame) : frame.type === 'error' ? onError(frame) : undefined;
    end?.catch((error: unknown) => answer(refusal(job, toProblem(error, 'node_fault'), ports)));
  });
}

const REFUSALS: ReadonlySet<string> = new Set(['node_busy', 'stale_epoch', 'policy_refused']);

function epochOf(ports: OperatorDeskPorts): number {
  const epoch = ports.epoch();
  if (epoch > 0) return epoch;
  throw new Problem('stale_epoch', 'This node has no session with its relay now. Ask another, or try again.');
}

function answerBytes(request: JobRequest, frame: DoneFrame, rows: VectorRows): Uint8Array<ArrayBuffer> {
  if (request.type === 'embed') return rows.bytes();
  return frame.output === undefined ? new TextEncoder().encode(frame.text) : outputBytes(frame.output);
}

function success(
  request: JobRequest,
  frame: DoneFrame,
  rows: VectorRows,
  latencyMs: number,
  ports: OperatorDeskPorts,
): OperatorAnswer {
  const { inputTokens, outputTokens } = frame.usage;
  const text = { text: frame.text, finish_reason: frame.finishReason };
  const vectors = { embeddings: rows.rows(), dimensions: rows.dimensions() };
  return {
    status: 'ok',
    node_id: ports.nodeId(),
    job_id: request.job,
    model: request.model,
    result: frame.output ?? (request.type === 'embed' ? vectors : text),
    usage: { prompt_tokens: inputTokens, completion_tokens: outputTokens },
    latency_ms: Math.round(latencyMs),
  };
}

function refusal(job: string, problem: Problem, ports: OperatorDeskPorts): OperatorAnswer {
  const { code, detail } = toProblemRecord(problem);
  return refusalOf(job, code, detail, ports);
}

function refusalOf(job: string, code: string, message: string, ports: OperatorDeskPorts): OperatorAnswer {
  const status = code === 'node_busy' ? 'busy' : 'error';
  return { status, node_id: ports.nodeId(), job_id: job, error: { code, message } };
}

async function sha256Hex(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
