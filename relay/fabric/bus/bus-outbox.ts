import { headers, type PublishOptions } from '@nats-io/transport-node';
import { TRACEPARENT_HEADER } from '../../../shared/tracing/message-trace.ts';
import type { BusConnection } from './bus-connection.ts';

type Letter = { subject: string; data: Uint8Array; reply: string | undefined; traceparent: string | undefined };

export type Outbox = {
  add(subject: string, data: Uint8Array, reply: string | undefined, traceparent?: string): void;
  /** Hands over at once what waits. */
  flush(): void;
};

/**
 * Sends what was published in one turn of the event loop with one write to the socket: under load the write costs more
 * than everything else that is done for a message.
 *
 * Invariants: (1) messages leave in the order they came, at the latest at the end of the turn; (2) what waits while the
 * connection is lost is dropped, since whoever published it has been told by then.
 */
export function createOutbox({ connection, isConnected }: BusConnection): Outbox {
  let waiting: Letter[] = [];
  const flush = (): void => {
    const letters = waiting;
    waiting = [];
    if (!isConnected()) return;
    for (const letter of letters) connection.publish(letter.subject, letter.data, optionsOf(letter));
  };
  return {
    add: (subject, data, reply, traceparent) => {
      waiting.push({ subject, data, reply, traceparent });
      if (waiting.length === 1) setImmediate(flush);
    },
    flush,
  };
}

function optionsOf({ reply, traceparent }: Letter): PublishOptions {
  const to = reply === undefined ? {} : { reply };
  if (traceparent === undefined) return to;
  const head = headers();
  head.set(TRACEPARENT_HEADER, traceparent);
  return { ...to, headers: head };
}
