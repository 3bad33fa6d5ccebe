import { randomBytes } from 'node:crypto';
import type { Msg, NatsConnection } from '@nats-io/transport-node';
import type { RelayLog } from '../log.ts';
import { replySubjects } from './credentials.ts';

/** `no-responders`: nobody listens on the subject that was asked; it comes at once and alone. */
export type ReplyStatus = 'message' | 'no-responders';
export type ReplyHandler = (data: Uint8Array, status: ReplyStatus) => void;
export type Reply = { readonly subject: string; close(): void };

export type Replies = {
  /** With a node's id only that node can write to the subject, for as long as it likes. */
  open(handler: ReplyHandler, nodeId?: string): Reply;
};

/**
 * Hands answers to whoever asked: one subscription for all and a map, instead of a subscription for each.
 *
 * Invariants: (1) a token is never used twice, so that a late answer finds nobody; (2) a handler that throws harms no
 * other one.
 */
export function listenForReplies(connection: NatsConnection, log: RelayLog): Replies {
  const handlers = new Map<string, ReplyHandler>();
  // Not under `_INBOX`, where the operator's programs listen. Unguessable, so that a node cannot write into the answer of another with its right to respond.
  const relay = randomBytes(12).toString('hex');
  const inbox = `_RELAY.${relay}`;
  let last = 0;

  const deliver = (error: Error | null, message: Msg): void => {
    if (error !== null) return;
    const handler = handlers.get(message.subject.slice(message.subject.lastIndexOf('.') + 1));
    if (handler === undefined) return;
    try {
      handler(message.data, isNoResponders(message) ? 'no-responders' : 'message');
    } catch (fault) {
      log.error({ err: fault }, 'an answer from the bus could not be handled');
    }
  };
  connection.subscribe(`${inbox}.*`, { callback: deliver });
  connection.subscribe(replySubjects.all(relay), { callback: deliver });

  return {
    open: (handler, nodeId) => {
      last += 1;
      const token = last.toString(36);
      handlers.set(token, handler);
      const subject = nodeId === undefined ? `${inbox}.${token}` : replySubjects.one(nodeId, relay, token);
      return { subject, close: () => handlers.delete(token) };
    },
  };
}

function isNoResponders(message: Msg): boolean {
  return message.data.length === 0 && message.headers?.code === 503;
}
