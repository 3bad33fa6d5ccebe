import type { Principal } from '../access/api-keys.ts';
import type { Allowance, RateLimits } from '../access/rate-limits.ts';
import type { RelayApp, RelayServices } from '../services.ts';

/** What the key may still do, as OpenAI's clients read it; nothing for a key without limits. */
export function rateLimitHeaders({ keyId, limits }: Principal, rateLimits: RateLimits): Record<string, string> {
  const allowances = limits === undefined ? undefined : rateLimits.allowances(keyId);
  if (allowances === undefined) return {};
  const { requests, tokens } = allowances;
  return { ...headersOf('requests', requests), ...headersOf('tokens', tokens) };
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
