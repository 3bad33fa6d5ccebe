import { createNodeTable } from '../../relay/fabric/nodes/node-table.ts';
import { newId } from '../../relay/jobs/id.ts';
import type { JobSpec } from '../../relay/jobs/job.ts';
import { createScheduler, type Scheduler } from '../../relay/scheduler/scheduler.ts';
import { wantedBy } from '../../relay/scheduler/wanted.ts';
import { admission } from '../support/nodes/live-nodes.ts';
import { type Figure, figureOf } from './figure.ts';

const FEW = 100;
const MANY = 10_000;
const MODELS = ['m/one', 'm/two', 'm/three', 'm/four'];
const ROUNDS = 20;
const PER_ROUND = 2_000;
const JOB: Omit<JobSpec, 'id' | 'model'> = {
  receiptId: 'rcpt_1',
  requestId: 'req_1',
  apiKeyId: 'key_1',
  type: 'llm',
  stream: true,
  input: {
    messages: [{ role: 'user', content: 'What is 17 + 25?' }],
    maxTokens: null,
    temperature: null,
    topP: null,
    seed: null,
    stop: [],
  },
  maxWaitMs: 0,
  timeoutMs: 60_000,
  stallTimeoutMs: 60_000,
};
/** So many jobs hold their slot at a time. */
const RUNNING = 50;

/**
 * How long the choice of a node takes, with the slot reserved, the decision written down and the slot given back: as
 * the median over rounds of each round's 99th percentile, because a round in which others had the processor tells
 * nothing of ours.
 */
export async function decisions(): Promise<Figure[]> {
  const sides = { few: scheduleOver(FEW), many: scheduleOver(MANY) };
  const p99: { few: number[]; many: number[] } = { few: [], many: [] };
  const p50: { few: number[]; many: number[] } = { few: [], many: [] };
  for (let round = -2; round < ROUNDS; round++) {
    for (const side of ['few', 'many'] as const) {
      const times = await decide(sides[side]);
      if (round < 0) continue;
      p99[side].push(percentile(times, 0.99));
      p50[side].push(percentile(times, 0.5));
    }
  }
  const middle = (values: number[]): number => percentile(values, 0.5);
  const detail = {
    nodes: MANY,
    p50Us: middle(p50.many),
    bestP99Us: Math.min(...p99.many),
    fewP99Us: middle(p99.few),
    fewP50Us: middle(p50.few),
  };
  return [
    figureOf('decision-p99', middle(p99.many), 'µs', { atMost: 100 }, detail),
    figureOf('decision-many-to-few', middle(p99.many) / middle(p99.few), 'ratio', { atMost: 2 }, detail),
  ];
}

function scheduleOver(count: number): Scheduler {
  const table = createNodeTable();
  const scheduler = createScheduler(table);
  for (let number = 0; number < count; number++) {
    const models = MODELS.filter((_, index) => (number + index) % 2 === 0);
    table.admit(admission(`node-${number}`, models, { slots: 4, roundTripMs: 1 + (number % 50) }));
  }
  return scheduler;
}

async function decide(scheduler: Scheduler): Promise<number[]> {
  const times: number[] = [];
  const running: (() => void)[] = [];
  const { signal } = new AbortController();
  for (let number = 0; number < PER_ROUND; number++) {
    const model = MODELS[number % MODELS.length] ?? '';
    const job: JobSpec = { ...JOB, id: newId('job'), model };
    const startedAt = performance.now();
    const wanted = wantedBy(job, { exclude: new Set<string>(), maxWaitMs: 0, signal });
    const { release } = await scheduler.reserve(wanted);
    times.push((performance.now() - startedAt) * 1_000);
    running.push(release);
    if (running.length > RUNNING) running.shift()?.();
  }
  for (const release of running) release();
  return times;
}

function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
