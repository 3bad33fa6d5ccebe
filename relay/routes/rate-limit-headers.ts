import type { Principal } from '../access/api-keys.ts';
import type { Allowance, RateLimits } from '../access/rate-limits.ts';
import type { RelayApp, RelayServices } from '../services.ts';

/** Of every limit: its bucket fills evenly within so much. */
const WINDOW_S = 60;

/**
 * What the key may still do, as OpenAI's clients read it and as `RateLimit` (draft-ietf-httpapi-ratelimit-headers-10) has it;
 * nothing for a key without limits.
 */
export function rateLimitHeaders({ keyId, limits }: Principal, rateLimits: RateLimits): Record<string, string> {
  const allowances = limits === undefined ? undefined : rateLimits.allowances(keyId);
  if (allowances === undefined) return {};
  const { requests, tokens } = allowances;
  return {
    ...headersOf('requests', requests),
    ...headersOf('tokens', tokens),
    ...fieldsOf(Object.entries(allowances)),
  };
}

function fieldsOf(allowances: [string, Allowance | null][]): Record<string, string> {
  const policies: string[] = [];
  const states: string[] = [];
  for (const [what, allowance] of allowances) {
    if (allowance === null) continue;
    policies.push(`"${what}";q=${allowance.limit};w=${WINDOW_S}`);
    states.push(`"${what}";r=${allowance.remaining};t=${Math.ceil(allowance.resetMs / 1_000)}`);
  }
  return policies.length === 0 ? {} : { 'ratelimit-policy': policies.join(', '), ratelimit: states.join(', ') };
}

/** Errors tell it too: whoever is refused wants to know for how long. */
export function registerRateLimitHeaders(app: RelayApp, { rateLimits }: Pick<RelayServices, 'rateLimits'>): void {
  app.addHook('onError', (request, reply, _error, done) => {
    if (request.principal?.limits !== undefined) reply.headers(rateLimitHeaders(request.principal, rateLimits));
    done();
  });
}

function headersOf(what: string, allowance: Allowance | null): Record<string, string> {
  if (allowance === null) return {};
  return {
    [`x-ratelimit-limit-${what}`]: `${allowance.limit}`,
    [`x-ratelimit-remaining-${what}`]: `${allowance.remaining}`,
    [`x-ratelimit-reset-${what}`]: durationText(allowance.resetMs),
  };
}

/** `850ms`, `12s`, `1m30s`: rounded up, so that nobody comes too early. */
export function durationText(ms: number): string {
  if (ms < 1_000) return `${ms}ms`;
  const seconds = Math.ceil(ms / 1_000);
  return seconds < 60 ? `${seconds}s` : `${Math.floor(seconds / 60)}m${seconds % 60}s`;
}
