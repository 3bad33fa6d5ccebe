import type { EventEmitter } from 'node:events';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Problem } from '../../shared/problems/problem.ts';

declare module 'fastify' {
  interface FastifyInstance {
    heldBytes: HeldBytes;
  }
}

/** What large bodies and answers on their way hold of the relay's memory, by whose they are. */
export type HeldBytes = {
  /** Counts bytes until what holds them closes; what several hold together counts once. Errors: `queue_full`. */
  hold(owner: string, bytes: number, holder: Holder, shared?: object): void;
};

type Holder = Pick<EventEmitter, 'once'> & { readonly closed: boolean };

/** 64 of the largest bodies, or 16 of the largest results: both may come and go as slowly as their client likes. */
const MOST_BYTES = 256 * 1024 * 1024;
/** The system holds more of each connection; most bodies are smaller, and cost nothing here. */
const SMALL_BYTES = 64 * 1024;
const RETRY_AFTER_MS = 1_000;

/** Invariants: (1) none has more than `mostBytes`; (2) what holds nothing is not remembered. */
export function createHeldBytes(mostBytes = MOST_BYTES): HeldBytes {
  const held = new Map<string, number>();
  const sharing = new WeakMap<object, Map<string, number>>();
  const add = (owner: string, bytes: number): void => {
    const before = held.get(owner) ?? 0;
    if (before + bytes > mostBytes) throw tooMuch(before);
    held.set(owner, before + bytes);
  };
  const letGo = (owner: string, bytes: number): void => {
    const left = (held.get(owner) ?? 0) - bytes;
    if (left > 0) held.set(owner, left);
    else held.delete(owner);
  };
  return {
    hold: (owner, bytes, holder, shared = {}) => {
      if (bytes <= SMALL_BYTES || holder.closed) return;
      const holders = sharing.get(shared) ?? new Map<string, number>();
      const count = holders.get(owner) ?? 0;
      if (count === 0) add(owner, bytes);
      sharing.set(shared, holders.set(owner, count + 1));
      holder.once('close', () => {
        const left = (holders.get(owner) ?? 0) - 1;
        holders.set(owner, left);
        if (left === 0) letGo(owner, bytes);
      });
    },
  };
}

/** Must precede the reading of a body into memory, once it is known who sends it. Errors: `queue_full`. */
export function holdBody(request: FastifyRequest, mostBytes: number): void {
  const { 'content-length': length, 'transfer-encoding': coding, authorization = '' } = request.headers;
  if (length === undefined && coding === undefined) return;
  const bytes = Math.min(Number(length ?? mostBytes), mostBytes);
  // Nodes have a token instead.
  request.server.heldBytes.hold(keyOf(request) ?? authorization, bytes, request.raw);
}

/** Must precede an answer that costs the key that asks nothing; `shared` is what it has in common with others. Errors: `queue_full`. */
export function holdAnswer({ request, server, raw }: FastifyReply, bytes: number, shared?: object): void {
  const key = keyOf(request);
  if (key !== undefined) server.heldBytes.hold(key, bytes, raw, shared);
}

/** Undefined on public routes, which Fastify's types do not know. */
function keyOf({ principal }: FastifyRequest): string | undefined {
  return (principal as typeof principal | undefined)?.keyId;
}

function tooMuch(bytes: number): Problem {
  return new Problem(
    'queue_full',
    `Bodies and answers of this key that are on their way hold ${bytes} bytes. Let some of them arrive, and try again.`,
    { retryAfterMs: RETRY_AFTER_MS },
  );
}
