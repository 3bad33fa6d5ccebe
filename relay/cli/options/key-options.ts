import { type Command, InvalidArgumentError, Option } from 'commander';
import { type ChangeKeyRequest, KEY_SCOPES, type KeyScope } from '../../../shared/api/keys.ts';
import { BUDGET_DURATION } from '../../../shared/credits/budget-period.ts';
import type { JsonOption } from './answering-command.ts';
import { parseMicro } from './credit-text.ts';

const NONE = 'none';
const ALL = 'all';
const DAY_MS = 86_400_000;

/** What a key may do; `none` takes a limit away, since the parser knows no null. */
export type KeyOptions = JsonOption & {
  description?: string;
  scope?: (KeyScope | 'all')[];
  onlyModel?: string[];
  requestsPerMinute?: number | typeof NONE;
  tokensPerMinute?: number | typeof NONE;
  maxParallelRequests?: number | typeof NONE;
  creditLimit?: number | typeof NONE;
  budget?: number | typeof NONE;
  budgetDuration?: string;
  softBudget?: number | typeof NONE;
  days?: number | typeof NONE;
};

/** The same for a key that is made and one that is changed. */
export function addKeyOptions(command: Command): Command {
  const limit = (flags: string, help: string, read: (text: string) => unknown): Option =>
    new Option(flags, help).argParser((text) => (text === NONE ? NONE : read(text)));
  return command
    .addOption(limit('--description <text>', 'what it is for, or whom to ask about it', String))
    .addOption(
      new Option('--scope <scope...>', 'all that it may do (default: everything)').choices([...KEY_SCOPES, ALL]),
    )
    .addOption(new Option('--only-model <id...>', 'the only models it may ask for'))
    .addOption(limit('--requests-per-minute <number>', 'how much it may ask', whole(1)))
    .addOption(limit('--tokens-per-minute <number>', 'of input and output together', whole(1)))
    .addOption(limit('--max-parallel-requests <number>', 'how much it may have under way at once', whole(1)))
    .addOption(limit('--credit-limit <credits>', 'how much it may owe; 0 for one paid in advance', parseMicro))
    .addOption(limit('--budget <credits>', 'how much it may spend, in each period or ever', parseMicro))
    .addOption(limit('--budget-duration <span>', 'how long a period is: 12h, 1d, 1w, 1mo …', readDuration))
    .addOption(limit('--soft-budget <credits>', 'from where on you are told; nothing is refused', parseMicro))
    .addOption(limit('--days <number>', 'how long it holds (default: for ever)', whole(1)));
}

/** What of a key was said. */
export function orderOf(options: KeyOptions): ChangeKeyRequest {
  const { scope, onlyModel, days } = options;
  const said: { [name in keyof ChangeKeyRequest]: ChangeKeyRequest[name] | typeof NONE | undefined } = {
    description: options.description,
    scopes: scope && (scope.includes(ALL) ? NONE : ([...new Set(scope)] as KeyScope[])),
    models: onlyModel && (onlyModel.includes(ALL) ? NONE : onlyModel),
    requests_per_minute: options.requestsPerMinute,
    tokens_per_minute: options.tokensPerMinute,
    max_parallel_requests: options.maxParallelRequests,
    credit_limit_micro: options.creditLimit,
    budget_micro: options.budget,
    budget_duration: options.budgetDuration,
    soft_budget_micro: options.softBudget,
    expires_at: typeof days === 'number' ? Date.now() + days * DAY_MS : days,
  };
  const entries = Object.entries(said).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries.map(([name, value]) => [name, value === NONE ? null : value]));
}

/** Reads a whole number of `least` or more. */
export function whole(least: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (Number.isSafeInteger(value) && value >= least) return value;
    throw new InvalidArgumentError(`A whole number of ${least} or more is wanted.`);
  };
}

function readDuration(text: string): string {
  if (new RegExp(BUDGET_DURATION).test(text)) return text;
  throw new InvalidArgumentError('Give a number and s, m, h, d, w or mo (months), such as 1mo.');
}
