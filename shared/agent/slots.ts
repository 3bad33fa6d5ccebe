/** Admission: a node runs at most `total` jobs at a time, whatever the relay believes. */
export type Slots = {
  /** None while `isOpen` says no. */
  readonly total: number;
  used(): number;
  /** Takes a slot and returns how to give it back (once; again is harmless), or undefined when none is free. */
  tryTake(): (() => void) | undefined;
};

/** So many slots; a function where their number may change. */
export function createSlots(most: number | (() => number), isOpen: () => boolean = () => true): Slots {
  const mostNow = typeof most === 'number' ? () => most : most;
  let used = 0;
  return {
    get total() {
      return isOpen() ? mostNow() : 0;
    },
    used: () => used,
    tryTake: () => {
      if (!isOpen() || used >= mostNow()) return undefined;
      used += 1;
      let held = true;
      return () => {
        if (!held) return;
        held = false;
        used -= 1;
      };
    },
  };
}
