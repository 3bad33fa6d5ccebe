/** The latest messages, each with its number, for those who come back. */
export type MessageRing = {
  /** Number of the newest message; 0 before the first. */
  last(): number;
  /** Keeps a message under the next number, which `write` is given. */
  push(write: (seq: number) => string): string;
  /** All messages after this number in order, or undefined when some of them are gone. */
  after(seq: number): string[] | undefined;
  /** Forgets all, and uses up a number, so that who has the newest so far has missed something. */
  clear(): void;
};

export type MessageRingLimits = { messages: number; characters: number };

/** Invariants: (1) it holds the newest messages without a gap; (2) never more than `limits`, but at least the newest. */
export function createMessageRing(limits: MessageRingLimits): MessageRing {
  let messages: string[] = [];
  let characters = 0;
  let last = 0;
  const isTooMuch = (): boolean =>
    messages.length > 1 && (messages.length > limits.messages || characters > limits.characters);
  return {
    last: () => last,
    push: (write) => {
      last += 1;
      const text = write(last);
      messages.push(text);
      characters += text.length;
      while (isTooMuch()) characters -= messages.shift()?.length ?? 0;
      return text;
    },
    after: (seq) => {
      const missed = last - seq;
      // This way round, what is no number is unknown too.
      if (!(missed >= 0 && missed <= messages.length)) return undefined;
      return missed === 0 ? [] : messages.slice(-missed);
    },
    clear: () => {
      messages = [];
      characters = 0;
      last += 1;
    },
  };
}
