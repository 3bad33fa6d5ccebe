import { type Command, InvalidArgumentError, Option } from 'commander';
import type { ListedCode, ListedCodes, PairingCode } from '../../../shared/api/pairing.ts';
import { codeSecretsOf, readPairingCode } from '../../../shared/identity/pairing-code.ts';
import { isForBrowsers } from '../../../shared/identity/pairing-link.ts';
import { deleteJson, getJson, postJson } from '../client/get-json.ts';
import { addClientOptions, readOperator } from '../options/client-options.ts';
import { parseUrl } from '../options/options.ts';
import type { SettingOptions } from '../options/setting-options.ts';
import { COMMAND, COMMAND_ELSEWHERE } from '../own-command.ts';
import { momentText } from '../terminal/moment-text.ts';
import { qrCode } from '../terminal/qr-code.ts';
import { out } from '../terminal/style.ts';

type PairCommandOptions = SettingOptions & {
  address?: string;
  label: Record<string, string>;
  list?: boolean;
  withdraw?: string;
  json?: boolean;
};
type Operator = Awaited<ReturnType<typeof readOperator>>;

/** An id may by chance be made of the letters of a code, but it is longer. */
const CODE_ID_LENGTH = 16;
const PATH = '/v1/admin/pairing-codes';

export function definePairCommand(command: Command): void {
  addClientOptions(command, ['admin_token'])
    .addOption(
      new Option(
        '--address <url>',
        'address of the relay for the link (default: its public URL, or --relay)',
      ).argParser(parseUrl),
    )
    .addOption(
      new Option('--label <name=value...>', 'label of the node that will use the code')
        .default({}, 'none')
        .argParser(parseLabel),
    )
    .addOption(new Option('--list', 'show the codes of the last day instead').conflicts(['withdraw', 'address']))
    .addOption(new Option('--withdraw <code-id>', 'end a code that was made, by its id or itself').conflicts('address'))
    .addOption(new Option('--json', 'print id, code, link and expiresAt, or what was asked for, as JSON'))
    .action(async (options: PairCommandOptions) => {
      const operator = await readOperator(options);
      const [answer, text] = await carryOut(options, operator);
      process.stdout.write(options.json === true ? `${JSON.stringify(answer)}\n` : text);
    });
}

async function carryOut(options: PairCommandOptions, { relayUrl, adminToken }: Operator): Promise<[unknown, string]> {
  if (options.list === true) {
    const { data } = await getJson<ListedCodes>(relayUrl, PATH, adminToken);
    return [data, tableOf(data)];
  }
  if (options.withdraw !== undefined) {
    const id = await codeIdOf(options.withdraw);
    const code = await deleteJson<ListedCode>(relayUrl, `${PATH}/${encodeURIComponent(id)}`, adminToken);
    return [code, withdrawnText(code)];
  }
  const order = { labels: options.label, ...(options.address === undefined ? {} : { relay: options.address }) };
  const made = await postJson<PairingCode>(relayUrl, PATH, adminToken, order);
  return [made, invitationText(made)];
}

/** Whoever has the code at hand need not look for its id; the code itself is not sent. */
async function codeIdOf(text: string): Promise<string> {
  const code = text.length === CODE_ID_LENGTH ? undefined : readPairingCode(text);
  return code === undefined ? text : (await codeSecretsOf(code)).id;
}

function tableOf(codes: readonly ListedCode[]): string {
  if (codes.length === 0) return `No code was made in the last day. Make one with: ${COMMAND} pair\n`;
  const rows = codes.map((code) => {
    const labels = Object.entries(code.labels).map(([name, value]) => `${name}=${value}`);
    return [code.id.padEnd(16), code.state.padEnd(7), whenOf(code), ...labels].join('  ');
  });
  return `${out.dim(['CODE-ID'.padEnd(16), 'STATE  ', 'WHEN, LABELS'].join('  '))}\n${rows.join('\n')}\n`;
}

function whenOf({ state, expiresAt, usedAt, usedBy }: ListedCode): string {
  const at = (time: number): string => momentText(time, Date.now());
  if (usedAt !== null) return `by ${usedBy} at ${at(usedAt)}`;
  return state === 'open' ? `until ${at(expiresAt)}` : `at ${at(expiresAt)}`;
}

function withdrawnText({ id, usedBy }: ListedCode): string {
  if (usedBy === null) return `The code ${id} lets nobody in any more. Make another with: ${COMMAND} pair\n`;
  return `The code ${id} lets nobody in any more. ${usedBy} has paired with it and stays paired until it is revoked: ${COMMAND} nodes revoke ${usedBy}\n`;
}

function invitationText({ id, code, link, expiresAt }: PairingCode): string {
  const until = momentText(expiresAt, Date.now());
  const relay = new URL(link).searchParams.get('relay') ?? '';
  return `
${qrCode(link)}

  code   ${out.bold(out.cyan(code))}   ${out.dim(`one use, until ${until}`)}
  link   ${link}

  On the machine that is to join:

    ${COMMAND_ELSEWHERE} agent --relay ${relay} --pair ${code}

  or, which also says which relay to trust:

    ${COMMAND_ELSEWHERE} agent --pair '${link}'

${browserText(relay, code)}
  It remembers the relay: from then on "${COMMAND_ELSEWHERE} agent" is enough there.
  ${out.dim(`Not needed after all? ${COMMAND} pair --withdraw ${id}`)}
${warningFor(relay)}
`;
}

function browserText(relay: string, code: string): string {
  if (!isForBrowsers(relay)) {
    return `  ${out.dim(`A browser tab there needs HTTPS: ${COMMAND} relay --tls --browser-nodes, or a proxy with a certificate`)}\n`;
  }
  return `  or, in a browser there, without installing anything:\n\n    ${relay}/join#code=${code}\n`;
}

/** A link that leads the other machine to itself is a mistake that costs an hour. */
function warningFor(relay: string): string {
  const { hostname } = new URL(relay);
  if (hostname !== 'localhost' && hostname !== '[::1]' && !hostname.startsWith('127.')) return '';
  return `\n  ${out.yellow('This address works on this machine only.')} Start the relay with --host and --public-url, or give --address.\n`;
}

function parseLabel(text: string, before: Record<string, string>): Record<string, string> {
  const [name = '', ...rest] = text.split('=');
  if (name === '' || rest.length === 0) throw new InvalidArgumentError('A label such as room=attic.');
  return { ...before, [name]: rest.join('=') };
}
