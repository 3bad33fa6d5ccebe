import { type Command, InvalidArgumentError, Option } from 'commander';
import {
  type ApiKey,
  type ApiKeyList,
  type CreatedKey,
  KEY_SCOPES,
  type RevokedKey,
  SCOPE_MEANINGS,
} from '../../../shared/api/keys.ts';
import { creditsText } from '../../credits/credits-text.ts';
import { type JsonOption, operatorCommand, print } from '../answering-command.ts';
import { readOperator } from '../client-options.ts';
import { parseMicro } from '../credit-text.ts';
import { deleteJson, getJson, postJson } from '../get-json.ts';
import { momentText } from '../moment-text.ts';
import { nextCommand, suggest } from '../next-step.ts';
import { printable } from '../printable.ts';
import { out } from '../style.ts';
import { tableOf } from '../tables.ts';

type CreateOptions = JsonOption & {
  description?: string;
  scope?: string[];
  onlyModel?: string[];
  requestsPerMinute?: number;
  tokensPerMinute?: number;
  creditLimit?: number;
  days?: number;
  hmac?: boolean;
};

const PATH = '/v1/admin/keys';
const DAY_MS = 86_400_000;

export function defineKeysCommand(keys: Command): void {
  operatorCommand(keys, 'list', 'the keys, without the keys themselves').action(async (options: JsonOption) => {
    const { relayUrl, adminToken } = await readOperator(options);
    const { data } = await getJson<ApiKeyList>(relayUrl, PATH, adminToken);
    print(options, data, keysTable(data));
  });
  addCreate(keys);
  operatorCommand(keys, 'revoke', 'end a key, at once and for good')
    .argument('<key-id>', 'as sparewatt keys list shows it')
    .action(async (id: string, options: JsonOption) => {
      const { relayUrl, adminToken } = await readOperator(options);
      const key = await deleteJson<RevokedKey>(relayUrl, pathOf(id), adminToken);
      const { cancelled_jobs: jobs } = key;
      const ended =
        jobs === 0
          ? ''
          : ` ${jobs === 1 ? 'One job' : `${jobs} jobs`} of it that had not ended ${jobs === 1 ? 'is' : 'are'} cancelled.`;
      print(
        options,
        key,
        `${key.id} (${printable(key.name)}) is revoked: whoever uses it is refused from now on.${ended}\n`,
      );
      suggest(options, 'The keys that are left:', 'keys list');
    });
  operatorCommand(keys, 'rotate', 'replace a key by a new one with the same rights')
    .argument('<key-id>', 'as sparewatt keys list shows it')
    .addOption(
      new Option('--overlap <seconds>', 'how long the old key still works (default: a day)').argParser(whole(0)),
    )
    .action(async (id: string, options: JsonOption & { overlap?: number }) => {
      const { relayUrl, adminToken } = await readOperator(options);
      const order = options.overlap === undefined ? {} : { overlap_s: options.overlap };
      const made = await postJson<CreatedKey>(relayUrl, `${pathOf(id)}/rotate`, adminToken, order);
      const left = options.overlap === 0 ? 'holds no more' : `holds for ${spanText(options.overlap)} more`;
      print(options, made, `${createdText(made, options)}\nThe key before it, ${id}, ${left}.\n`);
      if (options.overlap !== 0) suggest(options, 'End that one now:', `keys revoke ${id}`);
    });
}

/** Seconds as a person says them; a day is what the relay gives by itself. */
function spanText(seconds = 86_400): string {
  if (seconds < 7_200) return seconds < 120 ? `${seconds} s` : `${Math.round(seconds / 60)} min`;
  return seconds < 172_800 ? `${Math.round(seconds / 3_600)} h` : `${Math.round(seconds / 86_400)} days`;
}

function addCreate(keys: Command): void {
  operatorCommand(keys, 'create', 'make a key; it is shown this once')
    .argument('<name>', 'what people call it')
    .addOption(new Option('--description <text>', 'what it is for, or whom to ask about it'))
    .addOption(new Option('--scope <scope...>', 'all that it may do (default: everything)').choices([...KEY_SCOPES]))
    .addOption(new Option('--only-model <id...>', 'the only models it may ask for'))
    .addOption(new Option('--requests-per-minute <number>', 'how much it may ask').argParser(whole(1)))
    .addOption(new Option('--tokens-per-minute <number>', 'of input and output together').argParser(whole(1)))
    .addOption(
      new Option('--credit-limit <credits>', 'how much it may owe; 0 for one paid in advance').argParser(parseMicro),
    )
    .addOption(new Option('--hmac', 'each request must be signed with a secret that is shown with the key'))
    .addOption(new Option('--days <number>', 'how long it holds (default: for ever)').argParser(whole(1)))
    .addHelpText('after', `\nScopes:\n${scopesText()}`)
    .action(async (name: string, options: CreateOptions) => {
      const { relayUrl, adminToken } = await readOperator(options);
      const made = await postJson<CreatedKey>(relayUrl, PATH, adminToken, {
        name,
        description: options.description ?? null,
        scopes: options.scope === undefined ? null : [...new Set(options.scope)],
        models: options.onlyModel ?? null,
        requests_per_minute: options.requestsPerMinute ?? null,
        tokens_per_minute: options.tokensPerMinute ?? null,
        credit_limit_micro: options.creditLimit ?? null,
        hmac: options.hmac ?? false,
        expires_at: options.days === undefined ? null : Date.now() + options.days * DAY_MS,
      });
      print(options, made, createdText(made, options));
      if (made.credit_limit_micro === 0) {
        suggest(options, 'Before it can pay for anything:', `credits grant ${made.id} 2.5 --reference invoice-1`);
      }
      suggest(options, 'All keys:', 'keys list');
    });
}

function createdText(made: CreatedKey, options: JsonOption): string {
  const { id, name, key, signing_secret: secret, scopes } = made;
  const shown = `${out.bold(printable(name))}  ${out.dim(id)}\n\n  ${key}\n`;
  const whole =
    secret === undefined
      ? `${shown}\nIt is not shown again: the relay keeps its hash alone.\n`
      : `${shown}  ${secret}\n\nThe second signs each request, as SECURITY.md says. Neither is shown again.\n`;
  return scopes.includes('inference') ? `${whole}\nTry it:  ${nextCommand(options, tryText(made))}\n` : whole;
}

/** With the key in it, as it is shown above and nowhere else. */
function tryText({ key, signing_secret: secret, models }: CreatedKey): string {
  const model = models?.[0] === undefined ? '' : ` --model ${models[0]}`;
  return `chat "What is 17 + 25?"${model} --api-key ${key}${secret === undefined ? '' : ` --signing-secret ${secret}`}`;
}

function keysTable(keys: readonly ApiKey[]): string {
  // What may be long comes last, so that the columns before it stay in line where a terminal is narrower.
  const heads = ['KEY-ID', 'KEY', 'STATE', 'NAME', 'LAST USED', 'LIMITS'];
  const rows = keys.map((key) => [key.id, keyText(key), key.state, key.name, usedAt(key), limitsOf(key)]);
  if (keys.every(({ description }) => description === null)) return tableOf(heads, rows);
  const described = rows.map((row, index) => [...row, keys[index]?.description ?? '']);
  return tableOf([...heads, 'DESCRIPTION'], described);
}

function scopesText(): string {
  return KEY_SCOPES.map((scope) => `  ${scope.padEnd(10)} ${SCOPE_MEANINGS[scope]}\n`).join('');
}

function keyText({ prefix }: ApiKey): string {
  return prefix === null ? '?' : `${prefix}…`;
}

function limitsOf(key: ApiKey): string {
  const { scopes, models, requests_per_minute, tokens_per_minute, credit_limit_micro: credit, hmac, expires_at } = key;
  const limits = [
    scopes.length === KEY_SCOPES.length ? undefined : `only ${scopes.join(' ') || 'nothing'}`,
    models === null ? undefined : models.join(' '),
    requests_per_minute === null ? undefined : `${requests_per_minute} requests/min`,
    tokens_per_minute === null ? undefined : `${tokens_per_minute} tokens/min`,
    credit === null ? undefined : `may owe ${creditsText(credit)} credits`,
    hmac ? 'signed requests' : undefined,
    expires_at === null ? undefined : `until ${momentText(expires_at, Date.now())}`,
  ];
  return limits.filter((limit) => limit !== undefined).join(', ') || 'none';
}

function usedAt({ last_used_at }: ApiKey): string {
  return last_used_at === null ? 'never' : momentText(last_used_at, Date.now());
}

function pathOf(id: string): string {
  return `${PATH}/${encodeURIComponent(id)}`;
}

function whole(least: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (Number.isSafeInteger(value) && value >= least) return value;
    throw new InvalidArgumentError(`A whole number of ${least} or more is wanted.`);
  };
}
