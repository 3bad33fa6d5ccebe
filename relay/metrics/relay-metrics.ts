import { setImmediate as nextTurn } from 'node:timers/promises';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { JobCounts } from '../../shared/api/job-counts.ts';
import type { JobType } from '../../shared/protocol/subjects.ts';
import type { NodeCounts } from '../fabric/nodes/node-directory.ts';
import type { JobRecord } from '../store/store.ts';

/** What is only known at the moment somebody asks. */
export type RelayGauges = {
  jobs(): JobCounts;
  /** Nodes and their slots by what the operator sees of them. */
  nodes(): Pick<NodeCounts, 'by_status' | 'slots'>;
  staleFrames(): number;
  /** Capability documents that were dropped, by reason. */
  droppedDocuments(): Readonly<Record<string, number>>;
  busConnected(): boolean;
};

export type RelayMetrics = {
  jobFinished(job: JobRecord): void;
  requestRefused(code: string): void;
  /** An account has reached its soft budget, of which the operator is told once in a period. */
  softBudgetReached(): void;
  readonly contentType: string;
  /** Everything in Prometheus' text format. */
  text(): Promise<string>;
};

/** Names of OpenTelemetry's conventions for generative AI, where they have one for a type of job. */
const OPERATIONS: Partial<Record<JobType, string>> = { llm: 'chat', embed: 'embeddings' };
const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];
const SECONDS_PER_TOKEN = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1];
const TOKENS = [1, 4, 16, 64, 256, 1_024, 4_096, 16_384, 65_536];

/**
 * By its own name; those that come later are told together. Each takes 10 KB of every scrape, and a node may serve models of any
 * name, others with each document.
 */
export const MODELS_TOLD = 1_000;

/**
 * The relay's metrics, named after OpenTelemetry's conventions where there are some. Labels hold models, states and codes,
 * never clients, prompts or ids of jobs: their number stays small and nothing of a person is in them.
 */
export function createRelayMetrics(gauges: RelayGauges): RelayMetrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const jobFinished = registerJobMetrics(registry);
  registerGauges(registry, gauges);
  const refused = new Counter({
    name: 'sparewatt_http_refusals_total',
    help: 'HTTP requests that were answered with an error, by its code',
    labelNames: ['code'],
    registers: [registry],
  });
  const softBudgets = new Counter({
    name: 'sparewatt_soft_budgets_reached_total',
    help: 'How often an account has reached its soft budget, once in a period; the log names it',
    registers: [registry],
  });
  return {
    jobFinished,
    requestRefused: (code) => refused.inc({ code }),
    softBudgetReached: () => softBudgets.inc(),
    contentType: registry.contentType,
    text: () => inTurns(registry),
  };
}

/** A turn for each, in the order in which they were registered: with hundreds of models one is thousands of lines. */
async function inTurns(registry: Registry): Promise<string> {
  const texts: string[] = [];
  for (const { name } of registry.getMetricsAsArray()) {
    texts.push(await registry.getSingleMetricAsString(name));
    await nextTurn();
  }
  return `${texts.join('\n\n')}\n`;
}

function registerJobMetrics(registry: Registry): RelayMetrics['jobFinished'] {
  const registers = [registry];
  const of = ['gen_ai_operation_name', 'gen_ai_request_model'] as const;
  const seconds = (name: string, help: string, buckets = SECONDS) =>
    new Histogram({ name, help, labelNames: of, buckets, registers });
  const duration = seconds('gen_ai_server_request_duration_seconds', 'From the relay taking a job to its end');
  const firstToken = seconds(
    'gen_ai_server_time_to_first_token_seconds',
    'From the relay taking a job to its first token',
  );
  const perToken = seconds(
    'gen_ai_server_time_per_output_token_seconds',
    'Between tokens after the first',
    SECONDS_PER_TOKEN,
  );
  const tokens = new Histogram({
    name: 'gen_ai_client_token_usage',
    help: 'Tokens of a job',
    labelNames: [...of, 'gen_ai_token_type'],
    buckets: TOKENS,
    registers,
  });
  const cachedTokens = new Counter({
    name: 'sparewatt_cached_prompt_tokens_total',
    help: 'Tokens of prompts that nodes still knew from earlier jobs, and did not read again',
    labelNames: of,
    registers,
  });
  const jobs = new Counter({
    name: 'sparewatt_jobs_total',
    help: 'Jobs that have ended; error_type is the code of the problem, if there was one',
    labelNames: [...of, 'state', 'error_type'],
    registers,
  });
  const attempts = new Counter({
    name: 'sparewatt_job_attempts_total',
    help: 'Attempts on nodes that have ended',
    labelNames: ['state', 'error_type'],
    registers,
  });

  const told = new Set<string>();
  const nameOf = (model: string): string => {
    if (told.size < MODELS_TOLD) told.add(model);
    return told.has(model) ? model : 'other';
  };
  return (job) => {
    const label = { gen_ai_operation_name: OPERATIONS[job.type] ?? job.type, gen_ai_request_model: nameOf(job.model) };
    jobs.inc({ ...label, state: job.state, error_type: job.problem?.code ?? '' });
    for (const { state, problem } of job.attempts) attempts.inc({ state, error_type: problem?.code ?? '' });
    duration.observe(label, (job.finishedAt - job.createdAt) / 1_000);
    const firstTokenAt = job.attempts.at(-1)?.firstTokenAt ?? null;
    if (firstTokenAt !== null) firstToken.observe(label, (firstTokenAt - job.createdAt) / 1_000);
    const { usage } = job;
    if (usage === null) return;
    tokens.observe({ ...label, gen_ai_token_type: 'input' }, usage.inputTokens);
    if (usage.cachedTokens !== undefined) cachedTokens.inc(label, usage.cachedTokens);
    if (usage.outputTokens === 0) return;
    tokens.observe({ ...label, gen_ai_token_type: 'output' }, usage.outputTokens);
    if (!job.stream || firstTokenAt === null || usage.outputTokens < 2) return;
    perToken.observe(label, (job.finishedAt - firstTokenAt) / 1_000 / (usage.outputTokens - 1));
  };
}

function registerGauges(registry: Registry, gauges: RelayGauges): void {
  const gauge = (name: string, help: string, labelNames: string[], collect: (this: Gauge) => void): Gauge =>
    new Gauge({ name, help, labelNames, registers: [registry], collect });
  gauge('sparewatt_jobs', 'Jobs under way', ['state'], function () {
    for (const [state, count] of Object.entries(gauges.jobs())) this.set({ state }, count);
  });
  gauge('sparewatt_nodes', 'Nodes this relay knows', ['status'], function () {
    this.reset();
    const { by_status, slots: of } = gauges.nodes();
    for (const [status, count] of Object.entries(by_status)) this.set({ status }, count);
    slots.set({ state: 'used' }, of.used);
    slots.set({ state: 'free' }, of.free);
  });
  // After the nodes, by whom it is filled: each is read as soon as it was collected.
  const slots = gauge('sparewatt_slots', 'Jobs that the nodes can run at a time', ['state'], () => undefined);
  gauge('sparewatt_bus_connected', 'Whether the relay reaches its message bus', [], function () {
    this.set(gauges.busConnected() ? 1 : 0);
  });
  const count = (name: string, help: string, labelNames: string[], collect: (this: Counter) => void): void => {
    new Counter({ name, help, labelNames, registers: [registry], collect });
  };
  count('sparewatt_stale_frames_total', 'Frames refused because their epoch is over', [], function () {
    this.reset();
    this.inc(gauges.staleFrames());
  });
  count('sparewatt_documents_dropped_total', 'Capability documents that did not count', ['reason'], function () {
    this.reset();
    for (const [reason, dropped] of Object.entries(gauges.droppedDocuments())) this.inc({ reason }, dropped);
  });
}
