import type { LoadOptions } from './library/environment.ts';
import type { ThreadChoiceOptions } from './thread-choice.ts';

type Told = Pick<ThreadChoiceOptions<never, never>, 'now' | 'onMeasured'>;

/** What a choice between the threads of a model measures by, and to whom it tells what it has measured. */
export function tellThreads({ threads, sharedThreads = threads, onThreadTrial, pace }: LoadOptions): Told {
  const onMeasured: Told['onMeasured'] = ({ narrowMs, wideMs }, isWide) => {
    // A clock that is too coarse has measured nothing.
    if (narrowMs <= 0 || wideMs <= 0) return;
    const narrow = { threads, tokensPerS: perSecond(narrowMs) };
    const wide = { threads: sharedThreads, tokensPerS: perSecond(wideMs) };
    onThreadTrial?.(isWide ? { chosen: wide, other: narrow } : { chosen: narrow, other: wide });
  };
  return { onMeasured, ...(pace === undefined ? {} : { now: pace.now }) };
}

function perSecond(tokenMs: number): number {
  return Math.round(10_000 / tokenMs) / 10;
}
