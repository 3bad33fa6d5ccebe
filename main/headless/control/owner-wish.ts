import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { Value } from 'typebox/value';
import type { AgentLog } from '../../../shared/agent/log.ts';
import type { OwnerPolicy, YieldToOwner } from '../../../shared/policy/owner-policy.ts';
import type { Yielding } from '../../../shared/preferences/contribution.ts';
import { Wish, wishAt } from '../../../shared/preferences/wish.ts';
import { refuseNoFile } from '../no-file-at.ts';

/** In the folder of a node without a screen: what its owner has said by hand. */
export const WISH_FILE = 'wish.json';

export type OwnerWishOptions = {
  path: string;
  policy: Pick<OwnerPolicy, 'yieldToOwner' | 'isOpen'>;
  /** What the owner's rules close the node for at this moment; undefined when nothing. */
  care(): Yielding | undefined;
  runningJobs(): number;
  /** Takes what models lie in memory, or are on their way there, out of it, unless a job needs them. */
  freeMemory(): void;
  now: () => number;
  log: AgentLog;
};

export type OwnerWish = {
  current(): Wish;
  say(wish: Wish): void;
  /** Ends what is over; called when something else is seen, when a job has ended, and at least once a second. */
  tick(): void;
};

/**
 * What closes a node without a screen beside its policy: the pause of its owner, and the rules by which it yields to them.
 *
 * Invariants: (1) a wish is kept before it is acted on, so that a restart finds it; a disk that does not take it keeps
 * nobody from pausing; (2) the node is closed in the same turn, and opened by its owner, by the end of the time they named, or
 * when what a rule is for is over; (3) while it is closed, by its policy too, and nothing runs, no model stays in memory; (4) a pause lets no job
 * end in peace that a rule would hand back.
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
    policy.yieldToOwner(yieldingTo(wish, ports.care()));
    if (!policy.isOpen() && ports.runningJobs() === 0) ports.freeMemory();
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
function yieldingTo(wish: Wish, care: Yielding | undefined): YieldToOwner | undefined {
  const handsBack = care === undefined ? {} : { finishRunning: care.finishRunning };
  if (wish.state === 'finish') return { code: 'finishing', until: null, finishRunning: true, ...handsBack };
  if (wish.state === 'paused') return { code: 'paused', until: wish.until, finishRunning: undefined, ...handsBack };
  return care && { code: care.code, until: care.until, finishRunning: care.finishRunning };
}

/** Who cannot read what the owner has said takes it for a pause: no guess at what they allowed. */
function readWish(path: string, log: AgentLog): Wish {
  refuseNoFile(path);
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
