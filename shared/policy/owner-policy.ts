import { Problem } from '../problems/problem.ts';
import type { JobRequest } from '../protocol/messages.ts';
import { decide, isOpenAt, type JobSize, OPERATOR_CLIENT, type Opening, openingAt, sizeOf } from './decide.ts';
import type { NodePolicy, PublicPolicy } from './node-policy.ts';
import { parseWeeklyHours, type WallClock, type WeeklyHours } from './weekly-hours.ts';

/** The policy of a node while it runs: what it says now, and who is told when that changes. */
export type OwnerPolicy = {
  /** Puts another policy in place at once. */
  replace(policy: NodePolicy): void;
  /** Closes the node for its owner's sake, whatever the policy says, until undefined is given (SPEC O8). */
  yieldToOwner(yielding: YieldToOwner | undefined): void;
  isOpen(): boolean;
  /** Whether jobs that run when the node closes may end in peace. */
  finishesRunning(): boolean;
  /** Why this job may not start; undefined when it may. `running` counts the jobs that its client has here already. */
  refusalOf(request: JobRequest, running: number): Problem | undefined;
  /** The request as the owner lets it run: an answer without a limit gets the owner's. */
  limited(request: JobRequest): JobRequest;
  /** What the relay may know. */
  shown(): PublicPolicy;
  /** Looks at the clock; calls back when the node has opened or closed since the last look, or the policy was replaced. */
  check(): void;
  onChange(listener: () => void): void;
};

/**
 * Why a host has closed its node: a code that gives nothing of the owner's away, and when that ends, if it is known.
 * Whether jobs may end in peace is as the policy says where it is undefined.
 */
export type YieldToOwner = {
  readonly code: string;
  readonly until: number | null;
  readonly finishRunning: boolean | undefined;
};

export type OwnerPolicyOptions = { policy?: NodePolicy | undefined; now: () => number; wall?: WallClock | undefined };

/** Invariant: a decision is made with the policy and the time of the moment in which it is asked for. */
export function createOwnerPolicy({ policy: first = {}, now, wall }: OwnerPolicyOptions): OwnerPolicy {
  const listeners: (() => void)[] = [];
  let policy = first;
  let hours = hoursOf(first, wall);
  let yielding: YieldToOwner | undefined;
  const isOpen = (): boolean => yielding === undefined && isOpenAt(policy, hours, now());
  let wasOpen = isOpen();

  const opening = (): Opening => {
    if (yielding === undefined) return openingAt(policy, hours, now());
    return { open: false, reason: yielding.code, changes_at: yielding.until };
  };
  const changed = (): void => {
    wasOpen = isOpen();
    for (const listener of listeners) listener();
  };
  return {
    replace: (next) => {
      policy = next;
      hours = hoursOf(next, wall);
      changed();
    },
    yieldToOwner: (next) => {
      if (isSameYield(next, yielding)) return;
      yielding = next;
      changed();
    },
    isOpen,
    finishesRunning: () => yielding?.finishRunning ?? policy.finish_running ?? true,
    refusalOf: (request, running) => {
      if (yielding !== undefined)
        return new Problem('policy_refused', 'The owner of this node needs it for themselves.');
      const { type, model, client = OPERATOR_CLIENT } = request;
      const size = withFetched(sizeOf(request), request);
      const refusal = decide(policy, { type, model, client, size }, { at: now(), hours, running });
      return refusal && new Problem(refusal.code, refusal.sentence);
    },
    limited: (request) => {
      const most = policy.sizes?.output_tokens;
      if (request.type !== 'llm' || most === undefined || request.input.maxTokens !== null) return request;
      // The limit is for all answers together.
      const maxTokens = Math.max(1, Math.floor(most / (request.input.choices ?? 1)));
      return { ...request, input: { ...request.input, maxTokens } };
    },
    shown: () => {
      const { services, models, clients, sizes, jobs_per_client } = policy;
      const told = { services, models, clients, sizes, jobs_per_client };
      return { ...opening(), ...withoutUndefined(told) };
    },
    check: () => {
      if (isOpen() !== wasOpen) changed();
    },
    onChange: (listener) => void listeners.push(listener),
  };
}

/** How large pictures behind addresses are the relay has not known when it chose; here they have come. */
function withFetched(size: JobSize, request: JobRequest): JobSize {
  if (request.type !== 'llm' || request.fetched === undefined) return size;
  const fetchedBytes = Object.values(request.fetched).reduce((sum, file) => sum + file.length, 0);
  return { ...size, inputBytes: size.inputBytes + fetchedBytes };
}

function isSameYield(one: YieldToOwner | undefined, other: YieldToOwner | undefined): boolean {
  return one?.code === other?.code && one?.until === other?.until && one?.finishRunning === other?.finishRunning;
}

function hoursOf({ hours }: NodePolicy, wall: WallClock | undefined): WeeklyHours | undefined {
  return hours === undefined ? undefined : parseWeeklyHours(hours, wall);
}

function withoutUndefined<Value extends object>(
  value: Value,
): { [Key in keyof Value]?: Exclude<Value[Key], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as never;
}
