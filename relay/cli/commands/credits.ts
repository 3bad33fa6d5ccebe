import { type Command, InvalidArgumentError, Option } from 'commander';
import type { AccountList, CreditEntry, EntryList, ServicePrice, SettlementList } from '../../../shared/api/credits.ts';
import type { ApiKeyList } from '../../../shared/api/keys.ts';
import type { PriceRates } from '../../../shared/credits/price.ts';
import { Settlement } from '../../../shared/credits/settlement.ts';
import { counted } from '../../../shared/problems/counted.ts';
import { Problem } from '../../../shared/problems/problem.ts';
import { validatorOf } from '../../../shared/protocol/validator.ts';
import { faultOfSettlement } from '../../credits/close-settlement.ts';
import { creditsText } from '../../credits/credits-text.ts';
import { getJson, postJson, putJson } from '../client/get-json.ts';
import { readReceiptFile } from '../client/receipt-file.ts';
import { type JsonOption, operatorCommand, print } from '../options/answering-command.ts';
import { readOperator } from '../options/client-options.ts';
import { parseMicro } from '../options/credit-text.ts';
import { parseCount } from '../options/options.ts';
import { momentText } from '../terminal/moment-text.ts';
import { suggest } from '../terminal/next-step.ts';
import { tableOf } from '../terminal/tables.ts';

type PriceOptions = JsonOption & { job?: number; second?: number; input?: number; output?: number; fee?: number };

const settlementFile = validatorOf(Settlement);
/** The most that the relay tells at a time. */
const PAGE = 1_000;

/** `sparewatt credits …`: what services cost, who has what, and what nodes are paid. */
export function defineCreditsCommand(credits: Command): void {
  addAccounts(credits);
  addPrices(credits);
  addSettlements(credits);
}

function addAccounts(credits: Command): void {
  operatorCommand(credits, 'balances', 'who has how much').action(async (options: JsonOption) => {
    const { relayUrl, adminToken } = await readOperator(options);
    const data: AccountList['data'] = [];
    for (let after: string | null = ''; after !== null; ) {
      const query = new URLSearchParams({ limit: String(PAGE), after });
      const page: AccountList = await getJson(relayUrl, `/v1/admin/credits/accounts?${query}`, adminToken);
      data.push(...page.data);
      after = page.next;
    }
    const { data: keys } = await getJson<ApiKeyList>(relayUrl, '/v1/admin/keys', adminToken);
    const rows = data.map(({ account, balance_micro: micro }) => [creditsText(micro), account, whoseOf(account, keys)]);
    const none = 'Nobody has or owes any credits yet.\n';
    print(options, data, rows.length === 0 ? none : tableOf(['CREDITS', 'ACCOUNT', 'WHOSE'], rows));
  });
  operatorCommand(credits, 'entries', 'the ledger, newest first')
    .addOption(new Option('--account <name>', 'those of one account, such as key:… or node:…'))
    .addOption(new Option('--limit <count>', 'how many').argParser(parseCount).default(20))
    .action(async (options: JsonOption & { account?: string; limit: number }) => {
      const { relayUrl, adminToken } = await readOperator(options);
      const data: EntryList['data'] = [];
      for (let before: number | null | undefined; before !== null && data.length < options.limit; ) {
        const query = new URLSearchParams({ limit: String(Math.min(PAGE, options.limit - data.length)) });
        if (before !== undefined) query.set('before', String(before));
        if (options.account !== undefined) query.set('account', options.account);
        const page: EntryList = await getJson(relayUrl, `/v1/admin/credits/entries?${query}`, adminToken);
        data.push(...page.data);
        before = page.next;
      }
      print(options, data, data.length === 0 ? 'The ledger has no entries yet.\n' : entriesTable(data));
    });
  operatorCommand(credits, 'grant', 'give credits to an API key')
    .argument('<key-id>', 'as sparewatt keys list shows it')
    .argument('<credits>', 'how many, such as 2.5', parseMicro)
    .requiredOption(
      '--reference <mark>',
      'a mark of your own, which is needed; the same mark again gives nothing twice',
    )
    .action(async (key: string, micro: number, options: JsonOption & { reference: string }) => {
      const { relayUrl, adminToken } = await readOperator(options);
      const order = { key, amount_micro: micro, reference: options.reference };
      const entry = await postJson<CreditEntry>(relayUrl, '/v1/admin/credits/grants', adminToken, order);
      print(options, entry, `${key} was given ${creditsText(entry.amount_micro)} credits (entry ${entry.seq}).\n`);
      suggest(options, 'What it has now:', 'credits balances');
    });
}

/** Whose credits an account has, where its name does not say so. */
function whoseOf(account: string, keys: ApiKeyList['data']): string {
  const [kind, id] = account.split(':', 2);
  if (kind === 'key') return keys.find((key) => key.id === id)?.name ?? '';
  const words: Record<string, string> = {
    issued: 'given to keys',
    settled: 'paid to nodes',
    relay: 'your fees',
    withheld: 'kept from the node until you have looked',
  };
  return words[kind ?? ''] ?? '';
}

function addPrices(credits: Command): void {
  operatorCommand(credits, 'prices', 'what services cost').action(async (options: JsonOption) => {
    const { relayUrl, adminToken } = await readOperator(options);
    const { data } = await getJson<{ data: ServicePrice[] }>(relayUrl, '/v1/admin/prices', adminToken);
    const text = data.length === 0 ? 'Everything is free: no service has a price.\n' : pricesTable(data);
    print(options, data, text);
  });
  operatorCommand(credits, 'price', 'set the price of a service, in credits')
    .argument('<service>', 'such as llm/inference, or "*" for every service without a price of its own')
    .addOption(new Option('--job <credits>', 'for each job').argParser(parseMicro))
    .addOption(new Option('--second <credits>', 'for each second that the node works').argParser(parseMicro))
    .addOption(new Option('--input <credits>', 'for a million tokens of input').argParser(parseMicro))
    .addOption(new Option('--output <credits>', 'for a million tokens of output').argParser(parseMicro))
    .addOption(new Option('--fee <percent>', 'the share of the relay; the rest is the node’s').argParser(parsePercent))
    .action(async (service: string, options: PriceOptions) => {
      const { relayUrl, adminToken } = await readOperator(options);
      const path = `/v1/admin/prices/${encodeURIComponent(service)}`;
      const price = await putJson<ServicePrice>(relayUrl, path, adminToken, ratesOf(options));
      print(options, price, `From the next job on ${service} costs, in credits:\n${pricesTable([price])}`);
      suggest(options, 'All prices:', 'credits prices');
    });
}

function addSettlements(credits: Command): void {
  operatorCommand(credits, 'settle', 'pay the nodes what they have earned; prints the signed settlement').action(
    async (options: JsonOption) => {
      const { relayUrl, adminToken } = await readOperator(options);
      const settlement = await postJson<Settlement>(relayUrl, '/v1/admin/settlements', adminToken, {});
      process.stdout.write(`${JSON.stringify(settlement, null, 2)}\n`);
      suggest({}, 'Check what was saved of it:', 'credits verify FILE');
    },
  );
  operatorCommand(credits, 'settlements', 'settlements so far, newest first').action(async (options: JsonOption) => {
    const { relayUrl, adminToken } = await readOperator(options);
    const data: Settlement[] = [];
    for (let after: string | null = ''; after !== null; ) {
      const query = new URLSearchParams(after === '' ? {} : { after });
      const page: SettlementList = await getJson(relayUrl, `/v1/admin/settlements?${query}`, adminToken);
      data.push(...page.data);
      after = page.next;
    }
    const rows = data.map((one) => [
      momentText(one.closedAt, Date.now()),
      creditsText(one.totalMicro),
      String(one.lines.length),
      one.id,
    ]);
    const none = 'Nothing was settled yet.\n';
    print(options, data, rows.length === 0 ? none : tableOf(['CLOSED', 'CREDITS', 'NODES', 'SETTLEMENT'], rows));
  });
  credits
    .command('verify')
    .description('check a saved settlement; asks nobody')
    .argument('<file>', 'what `credits settle` printed')
    .addOption(new Option('--json', 'print what holds as JSON: id, relayKey, totalMicro and nodes'))
    .action(async (file: string, options: { json?: boolean }) => {
      const settlement = readSettlement(file);
      const fault = await faultOfSettlement(settlement);
      if (fault !== undefined) throw new Problem('receipt_invalid', `${file} does not hold: ${fault}.`);
      const { id, lines, totalMicro, relayKey } = settlement;
      const text = `${creditsText(totalMicro)} credits to ${counted(lines.length, 'node')}, signed by ${relayKey}.\n`;
      print(options, { id, relayKey, totalMicro, nodes: lines.length }, text);
    });
}

/** Errors: `invalid_option` for a file that cannot be read, `receipt_invalid` for one that is no settlement. */
function readSettlement(file: string): Settlement {
  const content = readReceiptFile(file);
  if (settlementFile.Check(content)) return content;
  throw new Problem('receipt_invalid', `${file} is no settlement.`);
}

function ratesOf({ job, second, input, output, fee }: PriceOptions): PriceRates {
  return {
    ...(job === undefined ? {} : { per_job_micro: job }),
    ...(second === undefined ? {} : { per_second_micro: second }),
    ...(input === undefined ? {} : { per_million_input_tokens_micro: input }),
    ...(output === undefined ? {} : { per_million_output_tokens_micro: output }),
    ...(fee === undefined ? {} : { fee_percent: fee }),
  };
}

function pricesTable(prices: readonly ServicePrice[]): string {
  const rows = prices.map(({ service, rates }) => [
    creditsText(rates.per_job_micro ?? 0),
    creditsText(rates.per_second_micro ?? 0),
    creditsText(rates.per_million_input_tokens_micro ?? 0),
    creditsText(rates.per_million_output_tokens_micro ?? 0),
    `${rates.fee_percent ?? 0} %`,
    service,
  ]);
  return tableOf(['A JOB', 'A SECOND', '1M TOKENS READ', '1M WRITTEN', 'FEE', 'SERVICE'], rows);
}

function entriesTable(entries: readonly CreditEntry[]): string {
  const rows = entries.map(({ at, kind, from, to, amount_micro: micro }) => [
    momentText(at, Date.now()),
    kind,
    creditsText(micro),
    to,
    from,
  ]);
  return tableOf(['AT', 'KIND', 'CREDITS', 'TO', 'FROM'], rows);
}

function parsePercent(text: string): number {
  const percent = /^\d{1,3}$/.test(text) ? Number(text) : Number.NaN;
  if (percent >= 0 && percent <= 100) return percent;
  throw new InvalidArgumentError('Give a whole number from 0 to 100.');
}
