/** Where the relay is between its start and its end. It never goes back. */
export type LifePhase = 'starting' | 'serving' | 'draining';

export type Lifecycle = {
  phase(): LifePhase;
  /** Everything is open. Does nothing once the relay drains. */
  serve(): void;
  /** The relay is about to stop; from now on it says that it is not ready. */
  drain(): void;
};

/** Begins in `starting`. */
export function createLifecycle(): Lifecycle {
  let phase: LifePhase = 'starting';
  return {
    phase: () => phase,
    serve: () => {
      if (phase === 'starting') phase = 'serving';
    },
    drain: () => {
      phase = 'draining';
    },
  };
}
