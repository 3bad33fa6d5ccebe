/** Finds stop strings in text that arrives in pieces and never lets one, or the start of one, pass. */
export type StopMatcher = {
  /** Text that may be sent on now; empty for good once a stop string was found. */
  push(piece: string): string;
  /** What was held back as a possible start of a stop string, now that no more text comes. */
  flush(): string;
  /** The stop string that has ended the text. */
  matched(): string | undefined;
};

/** No stop string is empty. Invariant: `held` is the longest end of the text so far that is the beginning of some stop string. */
export function createStopMatcher(stops: readonly string[]): StopMatcher {
  let held = '';
  let matched: string | undefined;
  return {
    push(piece) {
      if (matched !== undefined) return '';
      const text = held + piece;
      const first = firstMatch(text, stops);
      if (first !== undefined) {
        held = '';
        matched = first.stop;
        return text.slice(0, first.at);
      }
      const keep = possibleStart(text, stops);
      held = text.slice(text.length - keep);
      return text.slice(0, text.length - keep);
    },
    flush: () => held,
    matched: () => matched,
  };
}

function firstMatch(text: string, stops: readonly string[]): { stop: string; at: number } | undefined {
  let first: { stop: string; at: number } | undefined;
  for (const stop of stops) {
    const at = text.indexOf(stop);
    if (at !== -1 && (first === undefined || at < first.at)) first = { stop, at };
  }
  return first;
}

function possibleStart(text: string, stops: readonly string[]): number {
  let longest = 0;
  for (const stop of stops) {
    for (let length = Math.min(stop.length - 1, text.length); length > longest; length--) {
      if (text.endsWith(stop.slice(0, length))) longest = length;
    }
  }
  return longest;
}
