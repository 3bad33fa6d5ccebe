import type { AnswerStream } from './answer-stream.ts';
import { createHeldEvents, type HeldEvents, type HeldEventsOptions } from './held-events.ts';

/** Writes one event that has a name. */
export type WriteEvent = (type: string, members: object) => void;

/** An answer that is told in parts, each ended before the next begins: a response in items, a message in blocks. */
export type AnswerParts = {
  /** What was said and not written yet. */
  readonly pending: string;
  say(text: string): void;
  /** What is thought before anything is said. */
  think(text: string): void;
  /** A name begins a call; words without one belong to the call before. */
  call(name: string | undefined, text: string): void;
  /** Writes what is pending as one delta. */
  flush(): void;
  forgetPending(): void;
};

export type PartEvents = {
  readonly events: HeldEvents;
  /** What such an answer does with what a node says. */
  readonly told: Pick<AnswerStream, 'hasBegun' | 'text' | 'toolCall'>;
};

/** Invariant: what is said while the socket is full joins the part it belongs to, and becomes one delta. */
export function createPartEvents(parts: AnswerParts, options: Omit<HeldEventsOptions, 'pending'>): PartEvents {
  const pending = { characters: () => parts.pending.length, flush: parts.flush };
  const events = createHeldEvents({ ...options, pending });
  const told: PartEvents['told'] = {
    hasBegun: events.hasBegun,
    text: (text, _tokens, more) => {
      if (more?.reasoning) parts.think(text);
      else parts.say(text);
      events.passOn();
    },
    toolCall: ({ name, arguments: text }) => {
      parts.call(name, text);
      events.passOn();
    },
  };
  return { events, told };
}
