import type { FastifyReply } from 'fastify';
import { Problem } from '../../../shared/problems/problem.ts';
import { cutIfUnread } from '../http/unread.ts';
import { createEventWriter } from './event-writer.ts';

/** Text held for a reader that does not read. Longer than any answer that somebody waits for. */
const MAX_PENDING_CHARACTERS = 1_048_576;

export type HeldEventsOptions = {
  readonly reply: FastifyReply;
  /** What was said and not written yet: how much it is, and how it is written. */
  readonly pending: { characters(): number; flush(): void };
  /** Told when the reader is so slow that its answer is given up. */
  onTooSlow(problem: Problem): void;
};

/** Server-sent events to a reader that may be slow. */
export type HeldEvents = {
  hasBegun(): boolean;
  /** Whether what is written now would wait in memory. */
  readonly blocked: boolean;
  /** Sends the head; the status is 200 from here on. */
  begin(headers: Record<string, string>): void;
  write(text: string): void;
  /** The same of what nobody misses: nothing while the socket is full. */
  spare(text: string): void;
  /** To be called whenever something has become pending. */
  passOn(): void;
  close(): void;
};

/**
 * Invariants: (1) while the socket is full, what is pending stays with whoever makes the events, who joins it, and is written
 * once there is room; (2) it is bounded: a reader that lets more gather is given up; (3) nothing is written after the end.
 */
export function createHeldEvents({ reply, pending, onTooSlow }: HeldEventsOptions): HeldEvents {
  const { raw } = reply;
  const events = createEventWriter(raw);
  let blocked = false;
  let begun = false;

  const write = (text: string): void => {
    if (!raw.destroyed && !raw.writableEnded) blocked = !events.write(text);
  };
  events.onDrain(() => {
    blocked = false;
    pending.flush();
  });
  return {
    hasBegun: () => begun,
    get blocked() {
      return blocked;
    },
    begin: (headers) => {
      begun = true;
      beginEvents(reply, headers);
    },
    write,
    spare: (text) => {
      if (!blocked) write(text);
    },
    passOn: () => {
      if (!blocked) pending.flush();
      else if (pending.characters() > MAX_PENDING_CHARACTERS) onTooSlow(tooSlow());
    },
    close: () => {
      raw.end();
      cutIfUnread(reply);
    },
  };
}

function beginEvents(reply: FastifyReply, headers: Record<string, string>): void {
  reply.hijack();
  reply.raw.writeHead(200, {
    ...headers,
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-cache, no-transform',
    // Proxies that buffer would turn a stream into one late answer.
    'x-accel-buffering': 'no',
    'x-request-id': reply.request.id,
  });
}

function tooSlow(): Problem {
  return new Problem('client_too_slow', 'The client has stopped reading; the answer was given up.');
}
