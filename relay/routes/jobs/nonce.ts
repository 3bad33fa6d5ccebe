import type { FastifyRequest } from 'fastify';
import { Problem } from '../../../shared/problems/problem.ts';

const NONCE_HEADER = 'x-sparewatt-nonce';

/** The caller's own mark for its receipt: visible ASCII, as a header may carry it. Errors: `invalid_value`. */
export function readNonce({ headers }: FastifyRequest): string | undefined {
  const nonce = headers[NONCE_HEADER];
  if (nonce === undefined) return undefined;
  if (typeof nonce === 'string' && /^[\x21-\x7e]{1,128}$/.test(nonce)) return nonce;
  throw new Problem('invalid_value', `${NONCE_HEADER} must be 1 to 128 visible ASCII characters.`, {
    param: NONCE_HEADER,
  });
}
