import { type Command, Option } from 'commander';
import {
  type ApiKey,
  type ApiKeyList,
  type CreatedKey,
  KEY_SCOPES,
  type RevokedKey,
  SCOPE_MEANINGS,
} from '../../../shared/api/keys.ts';
import { Problem } from '../../../shared/problems/problem.ts';
import { deleteJson, getJson, patchJson, postJson } from '../client/get-json.ts';
import { type JsonOption, operatorCommand, print } from '../options/answering-command.ts';
import { readOperator } from '../options/client-options.ts';
import { addKeyOptions, type KeyOptions, orderOf, whole } from '../options/key-options.ts';
import { keysTable, limitsText } from '../terminal/key-table.ts';
import { nextCommand, quoted, suggest } from '../terminal/next-step.ts';
import { printable } from '../terminal/printable.ts';
import { out } from '../terminal/style.ts';

const PATH = '/v1/admin/keys';

export function defineKeysCommand(keys: Command): void {
  operatorCommand(keys, 'list', 'the keys, without the keys themselves').action(async (options: JsonOption) => {
    const { relayUrl, adminToken } = await readOperator(options);
    const { data } = await getJson<ApiKeyList>(relayUrl, PATH, adminToken);
    print(options, data, keysTable(data));
  });
  addCreate(keys);
  addUpdate(keys);
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
  const create = operatorCommand(keys, 'create', 'make a key; it is shown this once').argument(
    '<name>',
    'what people call it',
  );
  addKeyOptions(create)
    .addOption(new Option('--hmac', 'each request must be signed with a secret that is shown with the key'))
    .addHelpText('after', `\nScopes:\n${scopesText()}`)
    .action(async (name: string, options: KeyOptions & { hmac?: boolean }) => {
      const { relayUrl, adminToken } = await readOperator(options);
      const made = await postJson<CreatedKey>(relayUrl, PATH, adminToken, {
        name,
        ...orderOf(options),
        hmac: options.hmac ?? false,
      });
      print(options, made, createdText(made, options));
      if (made.credit_limit_micro === 0) {
        suggest(options, 'Before it can pay for anything:', `credits grant ${made.id} 2.5 --reference invoice-1`);
      }
      suggest(options, 'All keys:', 'keys list');
    });
}

function addUpdate(keys: Command): void {
  const update = operatorCommand(keys, 'update', 'change a key that was made, at once').argument(
    '<key-id>',
    'as sparewatt keys list shows it',
  );
  addKeyOptions(update)
    .addOption(new Option('--name <text>', 'what people call it'))
    .addHelpText(
      'after',
      `\nWhat is not named stays; "none" takes a limit away, "all" a choice of scopes or models.\n\nScopes:\n${scopesText()}`,
    )
    .action(async (id: string, options: KeyOptions & { name?: string }) => {
      const { relayUrl, adminToken } = await readOperator(options);
      const name = options.name === undefined ? {} : { name: options.name };
      const change = { ...name, ...orderOf(options) };
      if (Object.keys(change).length === 0) {
        throw new Problem(
          'invalid_option',
          'Say what is to change, such as --budget 5. See sparewatt keys update --help.',
        );
      }
      const key = await patchJson<ApiKey>(relayUrl, pathOf(id), adminToken, change);
      print(options, key, `${key.id} (${printable(key.name)}) is changed. Limits: ${printable(limitsText(key))}\n`);
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

/** With the key in it, as it is shown above and nowhere else. Nodes name models: what they write must be no command when pasted. */
function tryText({ key, signing_secret: secret, models }: CreatedKey): string {
  const model = models?.[0] === undefined ? '' : ` --model ${quoted(printable(models[0]))}`;
  return `chat "What is 17 + 25?"${model} --api-key ${key}${secret === undefined ? '' : ` --signing-secret ${secret}`}`;
}

function scopesText(): string {
  return KEY_SCOPES.map((scope) => `  ${scope.padEnd(10)} ${SCOPE_MEANINGS[scope]}\n`).join('');
}

function pathOf(id: string): string {
  return `${PATH}/${encodeURIComponent(id)}`;
}
