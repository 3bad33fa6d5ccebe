import { type ApiKey, KEY_SCOPES } from '../../../shared/api/keys.ts';
import { shownAgo, shownCount } from '../shown.ts';
import { STRINGS } from '../strings/strings.ts';

const TEXT = STRINGS.keys;
const MICRO = 1_000_000;
/** To the millionth, in which they are counted. */
const CREDITS = new Intl.NumberFormat('en', { maximumFractionDigits: 6 });

/** What limits a key, in lines, with what of it is used and left. */
export function limitLines(key: ApiKey, now: number): string[] {
  // Nobody can use what a revoked one had.
  if (key.state === 'revoked') return [];
  const { scopes, models, hmac } = key;
  const limits = [
    ...(scopes.length === KEY_SCOPES.length ? [] : [TEXT.scopesOf(scopes.join(', '))]),
    ...(models === null ? [] : [models.join(', ')]),
    ...countLines(key),
    ...budgetLines(key, now),
    ...(hmac ? [TEXT.signed] : []),
  ];
  return limits.length === 0 ? [TEXT.unlimited] : limits;
}

function countLines(key: ApiKey): string[] {
  const { requests_per_minute: requests, tokens_per_minute: tokens, standing } = key;
  const { max_parallel_requests: parallel, credit_limit_micro: credits } = key;
  const left = (text: string, count: number | null): string =>
    count === null ? text : TEXT.left(text, shownCount(count));
  return [
    ...(requests === null ? [] : [left(TEXT.requestsOf(shownCount(requests)), standing.requests_left)]),
    ...(tokens === null ? [] : [left(TEXT.tokensOf(shownCount(tokens)), standing.tokens_left)]),
    ...(parallel === null ? [] : [TEXT.parallelOf(shownCount(standing.running_requests ?? 0), shownCount(parallel))]),
    ...(credits === null
      ? []
      : [TEXT.left(TEXT.creditsOf(shownCredits(credits)), shownCredits(standing.credits_left_micro ?? 0))]),
  ];
}

function budgetLines(key: ApiKey, now: number): string[] {
  const { budget_micro: budget, soft_budget_micro: soft, standing } = key;
  if (budget === null && soft === null) return [];
  const { budget_spent_micro: spent, budget_left_micro: left, budget_renews_at: renews } = standing;
  const used = shownCredits(spent ?? 0);
  const rest = [
    ...(budget === null ? [] : [TEXT.budgetLeft(shownCredits(left ?? 0))]),
    ...(renews === null ? [] : [TEXT.renewed(shownAgo(renews, now))]),
  ];
  return [
    budget === null ? TEXT.spent(used) : TEXT.spentOf(used, shownCredits(budget)),
    ...(rest.length === 0 ? [] : [rest.join(', ')]),
    ...(soft === null ? [] : [TEXT.soft(shownCredits(soft))]),
  ];
}

function shownCredits(micro: number): string {
  return CREDITS.format(micro / MICRO);
}
