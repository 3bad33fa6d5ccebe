import { InvalidArgumentError, Option } from 'commander';
import { JOB_STATES, type JobState } from '../../jobs/queue/job-state.ts';

export function parseCount(text: string): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1) throw new InvalidArgumentError('A whole number from 1.');
  return count;
}

/** A priority: those of one key are compared. */
export function parsePriority(text: string): number {
  const priority = Number(text);
  if (text.trim() !== '' && Number.isInteger(priority) && Math.abs(priority) <= 100) return priority;
  throw new InvalidArgumentError('A whole number from -100 to 100.');
}

/** At most a week, the longest that a job lives. */
export function parseLongSeconds(text: string): number {
  const seconds = Number(text);
  if (text.trim() !== '' && seconds >= 0 && seconds <= 604_800) return seconds;
  throw new InvalidArgumentError('Seconds, from 0 to 604800.');
}

/** At most an hour, the longest that the relay lets a request wait. */
export function parseSeconds(text: string): number {
  const seconds = Number(text);
  if (text.trim() !== '' && seconds >= 0 && seconds <= 3_600) return seconds;
  throw new InvalidArgumentError('Seconds, from 0 to 3600.');
}

export function parseUrl(text: string): string {
  if (!URL.canParse(text) || !/^https?:/.test(text)) {
    throw new InvalidArgumentError('An address such as http://127.0.0.1:8484.');
  }
  return text.replace(/\/+$/, '');
}

/** States of jobs with commas between, beside those of the same option before. */
export function addStates(text: string, before: readonly JobState[] = []): JobState[] {
  const named = text.split(',').map((part) => part.trim());
  const unknown = named.find((part) => !JOB_STATES.some((state) => state === part));
  if (unknown === undefined) return JOB_STATES.filter((state) => named.includes(state) || before.includes(state));
  throw new InvalidArgumentError(`"${unknown.slice(0, 40)}" is no state. There are: ${JOB_STATES.join(', ')}.`);
}

/** Where a client sees its own, and the operator with this all. */
export function everyKeyOption(): Option {
  return new Option('--all', 'those of every key; needs the admin token');
}

/** The same for one of them. */
export function anyKeyOption(): Option {
  return new Option('--any-key', 'also one of another key; needs the admin token');
}
