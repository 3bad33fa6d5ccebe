import type { FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { Problem } from '../../../shared/problems/problem.ts';
import { canonicalBytes } from '../../../shared/receipts/canonical-json.ts';
import { sha256Hex } from '../../receipts/content-hashes.ts';
import type { Repeatable } from '../../repeats/repeatable.ts';

/** What other APIs take; visible characters, since it is told in headers and messages. */
const IDEMPOTENCY_KEY = /^[\x21-\x7e]{1,255}$/;

/** Of every route that makes something which stays. */
export const IdempotencyHeader = Type.Object({
  'idempotency-key': Type.Optional(
    Type.String({
      description:
        '1 to 255 visible ASCII characters that are used for nothing else: the same request with the same key makes nothing twice',
    }),
  ),
});

/** Errors: `invalid_value`. */
export function readIdempotencyKey({ headers }: FastifyRequest): string | null {
  const key = headers['idempotency-key'];
  if (key === undefined) return null;
  if (typeof key === 'string' && IDEMPOTENCY_KEY.test(key)) return key;
  throw new Problem('invalid_value', 'An Idempotency-Key has 1 to 255 visible ASCII characters.', {
    param: 'Idempotency-Key',
  });
}

/** Who asks, under which mark, and for what: the body at this address, unless it is said otherwise. */
export function repeatableOf(request: FastifyRequest, asked?: unknown): Repeatable {
  const { principal, url, body } = request;
  const idempotencyKey = readIdempotencyKey(request);
  const hashed = asked ?? { url, body: body ?? null };
  const requestHash = idempotencyKey === null ? '' : sha256Hex(canonicalBytes(hashed));
  return { apiKeyId: principal.keyId, idempotencyKey, requestHash };
}

/** Tells whether the answer is of an earlier request. */
export function tellRepeat(reply: FastifyReply, isNew: boolean): FastifyReply {
  return isNew ? reply : reply.header('idempotency-replayed', 'true');
}
