import { type Command, Option } from 'commander';
import type { CreditStanding } from '../../../shared/api/credits.ts';
import type { ApiKeyList } from '../../../shared/api/keys.ts';
import type { UsageReport, UsageRow } from '../../../shared/api/usage.ts';
import { creditsText } from '../../credits/credits-text.ts';
import { getJson } from '../client/get-json.ts';
import { type JsonOption, print } from '../options/answering-command.ts';
import { addClientOptions, readClient, readOperator } from '../options/client-options.ts';
import { momentText } from '../terminal/moment-text.ts';
import { tableOf } from '../terminal/tables.ts';

type UsageOptions = JsonOption & { all?: boolean; by: string; from?: string; to?: string };
type Group = 'day' | 'hour' | 'key' | 'model' | 'node';

/** `sparewatt usage`: what one key, or with `--all` every key, has used. */
export function defineUsageCommand(command: Command): void {
  addClientOptions(command, ['api_key', 'admin_token'])
    .addOption(new Option('--all', 'of all keys, as the operator sees it'))
    .addOption(
      new Option('--by <groups>', 'what to tell apart: day, hour, key, model, node, with commas between').default(
        'day',
      ),
    )
    .addOption(new Option('--from <day>', 'first day in UTC, such as 2026-11-01 (default: 30 days ago)'))
    .addOption(new Option('--to <day>', 'last day in UTC (default: today)'))
    .addOption(new Option('--json', 'print the answer of the relay as JSON'))
    .action((options: UsageOptions) => (options.all === true ? showAll(options) : showOwn(options)));
}

async function showOwn(options: UsageOptions): Promise<void> {
  const { relayUrl, apiKey } = await readClient(options);
  const { data } = await getJson<UsageReport>(relayUrl, `/v1/usage?${queryOf(options)}`, apiKey);
  const credits = await getJson<CreditStanding>(relayUrl, '/v1/credits', apiKey);
  print(options, { usage: data, credits }, `${usageTable(data, options)}${standingText(credits)}`);
}

async function showAll(options: UsageOptions): Promise<void> {
  const { relayUrl, adminToken } = await readOperator(options);
  const { data } = await getJson<UsageReport>(relayUrl, `/v1/admin/usage?${queryOf(options)}`, adminToken);
  const { data: keys } = await getJson<ApiKeyList>(relayUrl, '/v1/admin/keys', adminToken);
  const nameOf = (id: string): string => keys.find((key) => key.id === id)?.name ?? '';
  print(options, { usage: data }, usageTable(data, options, nameOf));
}

function queryOf({ by, from, to }: UsageOptions): URLSearchParams {
  return new URLSearchParams({ by, ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) });
}

function usageTable(data: readonly UsageRow[], { by }: UsageOptions, nameOf?: (id: string) => string): string {
  if (data.length === 0) return 'Nothing was used in these days.\n';
  const groups = by.split(',').map((group) => group.trim()) as Group[];
  const isNamed = nameOf !== undefined && groups.includes('key');
  // Whose a key is stands beside it.
  const rows = data.map((row) => [
    ...groups.flatMap((group) => [row[group] ?? '', ...(isNamed && group === 'key' ? [nameOf(row.key ?? '')] : [])]),
    ...[row.jobs, row.failed, row.input_tokens, row.output_tokens].map(String),
  ]);
  const heads = groups.flatMap((group) => [group.toUpperCase(), ...(isNamed && group === 'key' ? ['NAME'] : [])]);
  return tableOf([...heads, 'JOBS', 'FAILED', 'TOKENS READ', 'WRITTEN'], rows);
}

/** What a key has left to spend; nothing where it has no limit and owes nothing. */
function standingText(standing: CreditStanding): string {
  return `${creditsLeftText(standing)}${budgetText(standing.budget)}`;
}

function budgetText(budget: CreditStanding['budget']): string {
  if (budget === null) return '';
  const { budget_micro: most, spent_micro: spent, left_micro: left, renews_at: renews } = budget;
  const of = most === null || left === null ? '' : ` of ${creditsText(most)}, ${creditsText(left)} left`;
  const until = renews === null ? '' : `; renewed ${momentText(renews, Date.now())}`;
  return `Budget: ${creditsText(spent)}${of}${until}\n`;
}

function creditsLeftText({ balance_micro: balance, left_micro: left }: CreditStanding): string {
  if (left !== null) return `Credits left: ${creditsText(left)}\n`;
  return balance === 0 ? '' : `Credits: ${creditsText(balance)}, and no limit to what it may owe\n`;
}
