import { type Command, InvalidArgumentError, Option } from 'commander';
import type { PairingCode } from '../../../shared/api/pairing.ts';
import { postJson } from '../get-json.ts';
import { readAdminToken } from '../local-relay.ts';
import { adminTokenOption, DEFAULT_RELAY, dataOption, parseUrl, relayOption } from '../options.ts';
import { qrCode } from '../qr-code.ts';
import { out } from '../style.ts';

type PairCommandOptions = {
  relay: string;
  data: string;
  adminToken?: string;
  address?: string;
  label: Record<string, string>;
  json?: boolean;
};

export function addPairCommand(program: Command): void {
  program
    .command('pair')
    .description('make a one-time code that lets one machine join the relay as a node, within ten minutes')
    .addOption(relayOption().default(DEFAULT_RELAY))
    .addOption(dataOption())
    .addOption(adminTokenOption())
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
    .addOption(new Option('--json', 'print code, link and expiresAt as JSON'))
    .action(async (options: PairCommandOptions) => {
      const adminToken = options.adminToken ?? (await readAdminToken(options.data));
      const order = { labels: options.label, ...(options.address === undefined ? {} : { relay: options.address }) };
      const made = await postJson<PairingCode>(options.relay, '/v1/admin/pairing-codes', adminToken, order);
      process.stdout.write(options.json === true ? `${JSON.stringify(made)}\n` : invitationText(made));
    });
}

function invitationText({ code, link, expiresAt }: PairingCode): string {
  const until = new Date(expiresAt).toLocaleTimeString();
  const relay = new URL(link).searchParams.get('relay') ?? '';
  return `
${qrCode(link)}

  code   ${out.bold(out.cyan(code))}   ${out.dim(`one use, until ${until}`)}
  link   ${link}

  On the machine that is to join:

    sparewatt agent --relay ${relay} --pair ${code}

  or, which also says which relay to trust:

    sparewatt agent --pair '${link}'
${warningFor(relay)}
`;
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
