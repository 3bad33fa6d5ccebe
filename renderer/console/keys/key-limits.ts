import { type ApiKey, KEY_SCOPES } from '../../../shared/api/keys.ts';
import type { Speech } from '../speech.ts';

/** What limits a key, in lines, with what of it is used and left. */
export function limitLines(key: ApiKey, now: number, speech: Speech): string[] {
  const words = speech.texts.keys;
  // Nobody can use what a revoked one had.
  if (key.state === 'revoked') return [];
  const { scopes, models, hmac } = key;
  const limits = [
    ...(scopes.length === KEY_SCOPES.length ? [] : [words.scopesOf(scopes.join(', '))]),
    ...(models === null ? [] : [models.join(', ')]),
    ...countLines(key, speech),
    ...budgetLines(key, now, speech),
    ...(hmac ? [words.signed] : []),
  ];
  return limits.length === 0 ? [words.unlimited] : limits;
}

function countLines(key: ApiKey, { texts, show }: Speech): string[] {
  const words = texts.keys;
  const { requests_per_minute: requests, tokens_per_minute: tokens, standing } = key;
  const { max_parallel_requests: parallel, credit_limit_micro: credits } = key;
  const left = (text: string, count: number | null): string =>
    count === null ? text : words.left(text, show.count(count));
  return [
    ...(requests === null ? [] : [left(words.requestsOf(show.count(requests)), standing.requests_left)]),
    ...(tokens === null ? [] : [left(words.tokensOf(show.count(tokens)), standing.tokens_left)]),
    ...(parallel === null ? [] : [words.parallelOf(show.count(standing.running_requests ?? 0), show.count(parallel))]),
    ...(credits === null
      ? []
      : [words.left(words.creditsOf(show.credits(credits)), show.credits(standing.credits_left_micro ?? 0))]),
  ];
}

function budgetLines(key: ApiKey, now: number, { texts, show }: Speech): string[] {
  const words = texts.keys;
  const { budget_micro: budget, soft_budget_micro: soft, standing } = key;
  if (budget === null && soft === null) return [];
  const { budget_spent_micro: spent, budget_left_micro: left, budget_renews_at: renews } = standing;
  const used = show.credits(spent ?? 0);
  const rest = [
    ...(budget === null ? [] : [words.budgetLeft(show.credits(left ?? 0))]),
    ...(renews === null ? [] : [words.renewed(show.ago(renews, now))]),
  ];
  return [
    budget === null ? words.spent(used) : words.spentOf(used, show.credits(budget)),
    ...(rest.length === 0 ? [] : [rest.join(', ')]),
    ...(soft === null ? [] : [words.soft(show.credits(soft))]),
  ];
}
