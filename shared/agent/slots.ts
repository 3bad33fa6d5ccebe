/** Admission: a node runs at most `total` jobs at a time, whatever the relay believes. */
export type Slots = {
  /** None while `isOpen` says no. */
  readonly total: number;
  used(): number;
  /** Takes a slot and returns how to give it back (once; again is harmless), or undefined when none is free. */
  tryTake(): (() => void) | undefined;
};

export function createSlots(wanted: number | (() => number), isOpen: () => boolean = () => true): Slots {
  const most = typeof wanted === 'number' ? () => wanted : wanted;
  let used = 0;
  return {
    get total() {
      return isOpen() ? most() : 0;
    },
    used: () => used,
    tryTake: () => {
      if (!isOpen() || used >= most()) return undefined;
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
