import { EXIT } from './exit-codes.ts';

/** How a person or a service manager asks this process to end. */
export type Interruption = {
  /** Resolves with the signal that asks. */
  readonly asked: Promise<NodeJS.Signals>;
  /** Aborted when it is asked again: this process ends in the same turn, and what would outlive it must be ended now. */
  readonly insisted: AbortSignal;
};

/** This process, as far as its end is asked for. */
export type SignalSource = {
  on(signal: NodeJS.Signals, listener: (signal: NodeJS.Signals) => void): unknown;
  exit(code: number): unknown;
};

/** The third is a terminal that is closed; the last is Ctrl-Break, by which alone one program can ask another to end on Windows. */
const ENDING = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGBREAK'] as const;

/**
 * One Ctrl-C arrives twice: from the terminal, which tells all who run in it, and from npm or an older Node, which pass it on.
 * On a busy machine there is a while between the two.
 */
const SAME_PRESS_MS = 500;
const PARENT_LOOK_MS = 500;

export function listenForInterruption(
  source: SignalSource = process,
  now: () => number = () => performance.now(),
): Interruption {
  const insisting = new AbortController();
  const asked = Promise.withResolvers<NodeJS.Signals>();
  let askedAt: number | undefined;
  const ask = (signal: NodeJS.Signals): void => {
    askedAt ??= now();
    asked.resolve(signal);
  };
  const onSignal = (signal: NodeJS.Signals): void => {
    if (askedAt === undefined) {
      ask(signal);
    } else if (now() - askedAt > SAME_PRESS_MS) {
      insisting.abort();
      source.exit(EXIT.interrupted);
    }
  };
  for (const signal of ENDING) source.on(signal, onSignal);
  onParentGone(() => ask('SIGTERM'));
  return { asked: asked.promise, insisted: insisting.signal };
}

/**
 * A parent that has died cannot signal any more: one that gave us a channel, or the shell in which npm runs what it is asked
 * for, which ends by the signal that npm passes on and keeps that to itself.
 */
function onParentGone(listener: () => void): void {
  if (process.send !== undefined) process.once('disconnect', listener);
  if (process.env.npm_command === undefined) return;
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    listener();
  }, PARENT_LOOK_MS);
  timer.unref();
}

/** For commands that leave nothing behind however they end. */
export function untilInterrupted(): Promise<NodeJS.Signals> {
  return listenForInterruption().asked;
}
