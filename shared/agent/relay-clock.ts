import { Problem } from '../problems/problem.ts';
import { base64UrlToBytes } from '../protocol/base64.ts';
import type { EnrollResponse } from '../protocol/enrollment.ts';
import { LIMITS } from '../protocol/limits.ts';

type Token = Pick<EnrollResponse, 'jwt' | 'expiresAt'>;

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/**
 * How long credentials that came now are good, in milliseconds: by the relay's clock alone, which issued them and says when
 * they end. `now` counts where they do not say when they were issued.
 */
export function lifetimeOf({ jwt, expiresAt }: Token, now: number): number {
  return expiresAt * 1_000 - (issuedAtOf(jwt) ?? now);
}

/**
 * A relay refuses the documents of a node whose clock is not its own (SPEC K2), where only its operator would read why.
 * Errors: `clocks_differ`.
 */
export function assertClocksAgree({ jwt }: Pick<Token, 'jwt'>, now: number): void {
  const issuedAt = issuedAtOf(jwt);
  if (issuedAt === undefined || Math.abs(now - issuedAt) <= LIMITS.clockSkewMs) return;
  const side = now > issuedAt ? 'ahead of' : 'behind';
  throw new Problem(
    'clocks_differ',
    `The clock of this machine is ${lengthText(Math.abs(now - issuedAt))} ${side} the relay's. Set the one that is wrong: ` +
      `they may differ by ${LIMITS.clockSkewMs / MINUTE_MS} minutes.`,
  );
}

/** Milliseconds since 1970 by the relay's clock (`iat` of RFC 7519); undefined for what is no token. */
function issuedAtOf(jwt: string): number | undefined {
  const body = base64UrlToBytes(jwt.split('.')[1] ?? '');
  if (body === undefined) return undefined;
  try {
    const { iat } = JSON.parse(new TextDecoder().decode(body)) as { iat?: unknown };
    return typeof iat === 'number' ? iat * 1_000 : undefined;
  } catch {
    return undefined;
  }
}

function lengthText(ms: number): string {
  if (ms < 2 * HOUR_MS) return `${Math.round(ms / MINUTE_MS)} minutes`;
  return ms < 2 * DAY_MS ? `${Math.round(ms / HOUR_MS)} hours` : `${Math.round(ms / DAY_MS)} days`;
}
