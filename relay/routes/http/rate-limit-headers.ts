import type { FastifyContextConfig } from 'fastify';
import type { Principal } from '../../access/api-keys.ts';
import type { ParallelStanding } from '../../access/parallel-limits.ts';
import type { Allowance, Allowances } from '../../access/rate-limits.ts';
import type { RelayApp, RelayServices } from '../../services.ts';

/** Of every limit: its bucket fills evenly within so much. */
const WINDOW_S = 60;

/**
 * What the key may still do, as the clients of the route's form read it and as `RateLimit` (draft-ietf-httpapi-ratelimit-headers-10)
 * has it; nothing for a key without limits.
 */
export function rateLimitHeaders(
  { keyId, limits }: Principal,
  counts: Counts,
  form?: RouteForm,
): Record<string, string> {
  if (limits === undefined) return {};
  const headersOf = form === 'anthropic' ? anthropicHeaders : openAiHeaders;
  const { requests, tokens } = counts.rateLimits.allowances(keyId) ?? { requests: null, tokens: null };
  const parallel = counts.parallelLimits.standing(keyId);
  return {
    ...headersOf('requests', requests),
    ...headersOf('tokens', tokens),
    ...(parallel && parallelHeaders(parallel)),
    ...fieldsOf({ requests, tokens }, parallel),
  };
}

type Counts = Pick<RelayServices, 'rateLimits' | 'parallelLimits'>;
/** OpenAI's unless a route says otherwise. */
type RouteForm = FastifyContextConfig['errorForm'];

/** No client knows these; they are named as the others are. Nobody can say when a slot comes free. */
function parallelHeaders(standing: ParallelStanding): Record<string, string> {
  return {
    'x-ratelimit-limit-parallel-requests': `${standing.limit}`,
    'x-ratelimit-remaining-parallel-requests': `${slotsLeft(standing)}`,
  };
}

function slotsLeft({ limit, running }: ParallelStanding): number {
  return Math.max(0, limit - running);
}

function fieldsOf(allowances: Allowances, parallel: ParallelStanding | undefined): Record<string, string> {
  const policies: string[] = [];
  const states: string[] = [];
  for (const [what, allowance] of Object.entries(allowances)) {
    if (allowance === null) continue;
    policies.push(`"${what}";q=${allowance.limit};w=${WINDOW_S}`);
    states.push(`"${what}";r=${allowance.remaining};t=${Math.ceil(allowance.resetMs / 1_000)}`);
  }
  if (parallel !== undefined) {
    policies.push(`"parallel-requests";q=${parallel.limit};qu="concurrent-requests"`);
    states.push(`"parallel-requests";r=${slotsLeft(parallel)}`);
  }
  return policies.length === 0 ? {} : { 'ratelimit-policy': policies.join(', '), ratelimit: states.join(', ') };
}

/** Errors tell it too: whoever is refused wants to know for how long. */
export function registerRateLimitHeaders(app: RelayApp, counts: Counts): void {
  app.addHook('onError', (request, reply, _error, done) => {
    const { principal, routeOptions } = request;
    if (principal?.limits !== undefined) {
      reply.headers(rateLimitHeaders(principal, counts, routeOptions?.config?.errorForm));
    }
    done();
  });
}

type Headers = (what: string, allowance: Allowance | null) => Record<string, string>;

const openAiHeaders: Headers = (what, allowance) => {
  if (allowance === null) return {};
  return {
    [`x-ratelimit-limit-${what}`]: `${allowance.limit}`,
    [`x-ratelimit-remaining-${what}`]: `${allowance.remaining}`,
    [`x-ratelimit-reset-${what}`]: durationText(allowance.resetMs),
  };
};

const anthropicHeaders: Headers = (what, allowance) => {
  if (allowance === null) return {};
  return {
    [`anthropic-ratelimit-${what}-limit`]: `${allowance.limit}`,
    [`anthropic-ratelimit-${what}-remaining`]: `${allowance.remaining}`,
    [`anthropic-ratelimit-${what}-reset`]: new Date(Date.now() + allowance.resetMs).toISOString(),
  };
};

/** `850ms`, `12s`, `1m30s`: rounded up, so that nobody comes too early. */
export function durationText(ms: number): string {
  if (ms < 1_000) return `${ms}ms`;
  const seconds = Math.ceil(ms / 1_000);
  return seconds < 60 ? `${seconds}s` : `${Math.floor(seconds / 60)}m${seconds % 60}s`;
}
