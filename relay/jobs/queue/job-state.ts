/** Where a job of the queue is in its life; the last four are ends. */
export const JOB_STATES = [
  'awaiting_approval',
  'queued',
  'assigned',
  'running',
  'succeeded',
  'failed',
  'cancelled',
  'expired',
] as const;
export type JobState = (typeof JOB_STATES)[number];

/** What can happen to it. `requeue` takes it back from a node that cannot finish it. */
export const JOB_EVENTS = ['approve', 'assign', 'start', 'requeue', 'succeed', 'fail', 'cancel', 'expire'] as const;
export type JobEvent = (typeof JOB_EVENTS)[number];

export const END_STATES = ['succeeded', 'failed', 'cancelled', 'expired'] as const;
export type EndState = (typeof END_STATES)[number];
/** The events that lead to an end. */
export type EndEvent = 'succeed' | 'fail' | 'cancel' | 'expire';

const ANY_TIME = { cancel: 'cancelled', expire: 'expired', fail: 'failed' } as const;
const ON_A_NODE = { ...ANY_TIME, requeue: 'queued', succeed: 'succeeded' } as const;

const STEPS: Readonly<Record<JobState, Readonly<Partial<Record<JobEvent, JobState>>>>> = {
  awaiting_approval: { ...ANY_TIME, approve: 'queued' },
  queued: { ...ANY_TIME, assign: 'assigned' },
  assigned: { ...ON_A_NODE, start: 'running' },
  running: ON_A_NODE,
  succeeded: {},
  failed: {},
  cancelled: {},
  expired: {},
};

/**
 * The state after an event; the same state when the event changes nothing then, as no event does after an end. Every
 * change of a job goes through here, in the transaction that writes it down.
 */
export function step(state: JobState, event: JobEvent): JobState {
  return STEPS[state][event] ?? state;
}

export function hasEnded(state: JobState): state is EndState {
  return (END_STATES as readonly JobState[]).includes(state);
}
