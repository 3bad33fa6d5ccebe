import type { Job, JobListItem, JobWait } from '../../../shared/api/jobs.ts';
import { COMMAND } from '../own-command.ts';
import { printable } from './printable.ts';
import { out } from './style.ts';
import { resultText, tableOf } from './tables.ts';

/** How jobs look in a terminal. */
export function jobsTable(jobs: readonly JobListItem[], now: number, states: readonly string[] = []): string {
  if (jobs.length === 0 && states.length > 0) return `No job is in ${statesText(states)}\n`;
  if (jobs.length === 0) return `There are no jobs yet. Submit one with: ${COMMAND} jobs submit\n`;
  const rows = jobs.map(({ id, state, createdAt, model }) => [id, state, ageText(now - createdAt), model]);
  return tableOf(['JOB', 'STATE', 'AGE', 'MODEL'], rows);
}

function statesText(states: readonly string[]): string {
  return `${states.length === 1 ? 'this state' : 'one of these states'}: ${states.join(', ')}`;
}

/** A job with what happened to it, and its result when it is at hand. */
export function jobText(job: Job, result: unknown, now = Date.now()): string {
  const { id, state, model, problem, attempts, queue } = job;
  const waits = queue?.waits ?? null;
  const lines = [
    `${out.bold(id)}  ${state}`,
    `  model    ${printable(model)}`,
    ...(waits === null ? [] : [`  waits    ${waitText(waits, now)}`]),
    ...(problem === null ? [] : [`  reason   ${printable(problem.detail)} (${printable(problem.code)})`]),
    ...attempts.map((attempt) => {
      const why = attempt.problem === null ? '' : `: ${printable(attempt.problem.code)}`;
      return `  attempt ${attempt.attempt}  ${attempt.nodeId}  ${attempt.state}${why}`;
    }),
  ];
  const shown = result === undefined ? [] : ['', resultText(result)];
  return `${[...lines, ...shown].join('\n')}\n`;
}

function waitText({ for: reason, until }: JobWait, now: number): string {
  if (reason === 'approval') return 'until a person approves it';
  if (reason === 'node') return 'for a free node';
  const more = until === null ? '' : `; it goes on in ${Math.max(1, Math.ceil((until - now) / 1_000))} s`;
  return `as its key has used up its tokens of the minute${more}`;
}

/** How long ago something was. */
export function ageText(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1_000));
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7_200) return `${Math.round(seconds / 60)} min`;
  return seconds < 172_800 ? `${Math.round(seconds / 3_600)} h` : `${Math.round(seconds / 86_400)} d`;
}
