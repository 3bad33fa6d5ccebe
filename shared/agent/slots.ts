/** Admission: a node runs at most `total` jobs at a time, whatever the relay believes. */
export type Slots = {
  readonly total: number;
  used(): number;
  /** Takes a slot and returns how to give it back (once; again is harmless), or undefined when none is free. */
  tryTake(): (() => void) | undefined;
};

export function createSlots(total: number): Slots {
  let used = 0;
  return {
    total,
    used: () => used,
    tryTake: () => {
      if (used >= total) return undefined;
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
