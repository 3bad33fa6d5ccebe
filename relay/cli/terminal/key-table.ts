import { type ApiKey, KEY_SCOPES } from '../../../shared/api/keys.ts';
import { creditsText } from '../../credits/credits-text.ts';
import { momentText } from './moment-text.ts';
import { tableOf } from './tables.ts';

/** Keys with what limits them, and what of that is left. */
export function keysTable(keys: readonly ApiKey[]): string {
  // What may be long comes last, so that the columns before it stay in line where a terminal is narrower.
  const heads = ['KEY-ID', 'KEY', 'STATE', 'NAME', 'LAST USED', 'LIMITS'];
  const rows = keys.map((key) => [key.id, keyText(key), key.state, key.name, usedAt(key), limitsText(key)]);
  if (keys.every(({ description }) => description === null)) return tableOf(heads, rows);
  const described = rows.map((row, index) => [...row, keys[index]?.description ?? '']);
  return tableOf([...heads, 'DESCRIPTION'], described);
}

export function limitsText(key: ApiKey): string {
  const { scopes, models, hmac, expires_at: end } = key;
  const limits = [
    scopes.length === KEY_SCOPES.length ? undefined : `only ${scopes.join(' ') || 'nothing'}`,
    models === null ? undefined : models.join(' '),
    ...countsOf(key),
    budgetText(key),
    hmac ? 'signed requests' : undefined,
    end === null ? undefined : `until ${momentText(end, Date.now())}`,
  ];
  return limits.filter((limit) => limit !== undefined).join(', ') || 'none';
}

function countsOf(key: ApiKey): (string | undefined)[] {
  const { requests_per_minute: requests, tokens_per_minute: tokens, standing } = key;
  const { max_parallel_requests: parallel, credit_limit_micro: credit } = key;
  const left = (count: number | null, text = `${count}`): string => (count === null ? '' : ` (${text} left)`);
  const creditsLeft = standing.credits_left_micro;
  return [
    requests === null ? undefined : `${requests} requests/min${left(standing.requests_left)}`,
    tokens === null ? undefined : `${tokens} tokens/min${left(standing.tokens_left)}`,
    parallel === null ? undefined : `${standing.running_requests ?? 0} of ${parallel} requests at once`,
    credit === null
      ? undefined
      : `may owe ${creditsText(credit)} credits${left(creditsLeft, creditsText(creditsLeft ?? 0))}`,
  ];
}

/** What of its budget a key has spent, when that is renewed, and whether its operator was told. */
function budgetText(key: ApiKey): string | undefined {
  const { budget_micro: budget, budget_duration: duration, soft_budget_micro: soft, standing } = key;
  if (budget === null && soft === null) return undefined;
  const { budget_spent_micro: spent, budget_left_micro: left, soft_budget_reached: isReached } = standing;
  const of = budget === null ? '' : ` of ${creditsText(budget)}`;
  const rest = left === null ? '' : ` (${creditsText(left)} left)`;
  const period = duration === null ? '' : ` in ${duration}`;
  const until =
    standing.budget_renews_at === null ? '' : `, renewed ${momentText(standing.budget_renews_at, Date.now())}`;
  const told = isReached ? ` - SOFT BUDGET OF ${creditsText(soft ?? 0)} REACHED` : '';
  return `${creditsText(spent ?? 0)}${of} credits spent${period}${rest}${until}${told}`;
}

function keyText({ prefix }: ApiKey): string {
  return prefix === null ? '?' : `${prefix}…`;
}

function usedAt({ last_used_at }: ApiKey): string {
  return last_used_at === null ? 'never' : momentText(last_used_at, Date.now());
}
