import { randomBytes } from 'node:crypto';
import type { Msg, NatsConnection } from '@nats-io/transport-node';
import { headersOf } from '../../../shared/protocol/message-headers.ts';
import { InFlight } from '../../in-flight.ts';
import type { RelayLog } from '../../log.ts';
import { replySubjects } from './credentials.ts';
import { takeDirectly } from './direct-messages.ts';

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
  const open = new InFlight<{ token: string; handler: ReplyHandler; node: string | undefined }>();
  // Not under `_INBOX`, where the operator's programs listen. Unguessable, so that a node cannot write into the answer of
  // another with its right to respond.
  const relay = randomBytes(12).toString('hex');
  const inbox = `_RELAY.${relay}`;
  let last = 0;

  const hand = (token: string, data: Uint8Array, status: ReplyStatus): void => {
    const reply = open.get(ticketOf(token));
    if (reply?.token !== token) return;
    try {
      reply.handler(data, status);
    } catch (fault) {
      log.error({ node: reply.node, err: fault }, 'an answer from the bus could not be handled');
    }
  };
  const deliver = (error: Error | null, message: Msg): void => {
    if (error !== null) return;
    const token = message.subject.slice(message.subject.lastIndexOf('.') + 1);
    hand(token, message.data, isNoResponders(message) ? 'no-responders' : 'message');
  };
  connection.subscribe(`${inbox}.*`, { callback: deliver });
  const ofNodes = connection.subscribe(replySubjects.all(relay), { callback: deliver });
  // Every token of every answer comes this way.
  takeDirectly(connection, new Map([[ofNodes.getID(), (token, data) => hand(token, data, 'message')]]));

  return {
    open: (handler, nodeId) => {
      last += 1;
      const reply = { token: '', handler, node: nodeId };
      const ticket = open.add(reply);
      reply.token = tokenOf(ticket, last);
      const subject = nodeId === undefined ? `${inbox}.${reply.token}` : replySubjects.one(nodeId, relay, reply.token);
      return { subject, close: () => open.remove(ticket, reply) };
    },
  };
}

/** The ticket finds the handler; the number is never given twice. */
function tokenOf(ticket: number, number: number): string {
  return `${ticket.toString(36)}-${number.toString(36)}`;
}

function ticketOf(token: string): number {
  return Number.parseInt(token, 36);
}

function isNoResponders(message: Msg): boolean {
  return message.data.length === 0 && headersOf(message)?.code === 503;
}
