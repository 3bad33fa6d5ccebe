import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { Value } from 'typebox/value';
import type { AgentLog } from '../../../shared/agent/log.ts';
import type { OwnerPolicy, YieldToOwner } from '../../../shared/policy/owner-policy.ts';
import { Wish, wishAt } from '../../../shared/preferences/wish.ts';

/** In the folder of a node without a screen: what its owner has said by hand. */
export const WISH_FILE = 'wish.json';

export type OwnerWishOptions = {
  path: string;
  policy: Pick<OwnerPolicy, 'yieldToOwner'>;
  runningJobs(): number;
  /** Takes what models lie in memory out of it, unless a job needs them. */
  freeMemory(): void;
  now: () => number;
  log: AgentLog;
};

export type OwnerWish = {
  current(): Wish;
  say(wish: Wish): void;
  /** Ends what is over; called when a job has ended, and at least once a second. */
  tick(): void;
};

/**
 * The pause of an owner at a node without a screen, beside what its policy says.
 *
 * Invariants: (1) a wish is kept before it is acted on, so that a restart finds it; a disk that does not take it keeps
 * nobody from pausing; (2) the node is closed in the same turn, and opened only by its owner or the end of the time they
 * named; (3) while it is paused by hand and nothing runs, no model stays in memory.
 */
export function createOwnerWish({ path, policy, now, log, ...ports }: OwnerWishOptions): OwnerWish {
  let wish = readWish(path, log);

  const keep = (next: Wish): void => {
    wish = next;
    try {
      writeWish(path, next);
    } catch (err) {
      log.error({ err, path }, 'the wish of the owner holds, and is forgotten when this node ends');
    }
  };
  const act = (): void => {
    policy.yieldToOwner(yieldingTo(wish));
    if (wish.state === 'paused' && ports.runningJobs() === 0) ports.freeMemory();
  };
  const tick = (): void => {
    const over = wishAt(wish, now());
    if (over !== wish) keep(over);
    else if (wish.state === 'finish' && ports.runningJobs() === 0) keep({ state: 'paused', until: null });
    act();
  };
  act();
  return {
    current: () => wish,
    say: (next) => {
      keep(next);
      tick();
    },
    tick,
  };
}

/** Whether jobs may end in peace is what the owner's policy says of every pause, unless they say so now. */
function yieldingTo(wish: Wish): YieldToOwner | undefined {
  if (wish.state === 'finish') return { code: 'finishing', until: null, finishRunning: true };
  if (wish.state !== 'paused') return undefined;
  return { code: 'paused', until: wish.until, finishRunning: undefined };
}

/** Who cannot read what the owner has said takes it for a pause: no guess at what they allowed. */
function readWish(path: string, log: AgentLog): Wish {
  try {
    const wish: unknown = JSON.parse(readFileSync(path, 'utf8'));
    if (Value.Check(Wish, wish)) return wish;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { state: 'contribute' };
  }
  log.error({ path }, 'the wish of the owner cannot be read, so that this node is paused until they resume');
  return { state: 'paused', until: null };
}

function writeWish(path: string, wish: Wish): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const draft = `${path}.${process.pid}.new`;
  writeFileSync(draft, JSON.stringify(wish), { mode: 0o600, flush: true });
  renameSync(draft, path);
}
