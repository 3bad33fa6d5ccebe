/** Called between the parts of a long piece of work; resolves when the next part may begin. */
export type Pace = () => Promise<void> | undefined;

export type PaceOptions = {
  /** Milliseconds, monotonic. */
  now: () => number;
  /** Lets others have their turn for so many milliseconds. */
  rest: (ms: number) => Promise<void>;
};

/** What a token or a request waits behind a part at the most. */
const PART_MS = 4;

/**
 * Work that goes on in parts of some milliseconds and rests for as long as each has taken: whatever it costs, half of the
 * thread stays for requests.
 */
export function createPace({ now, rest }: PaceOptions): Pace {
  let beganAt = now();
  return () => {
    const tookMs = now() - beganAt;
    if (tookMs < PART_MS) return undefined;
    return rest(Math.ceil(tookMs)).then(() => {
      beganAt = now();
    });
  };
}
