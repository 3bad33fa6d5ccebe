import { writeFile } from 'node:fs/promises';
import { type Command, Option } from 'commander';
import { Problem } from '../../../shared/problems/problem.ts';
import { relayFolder } from '../../config/folders.ts';
import { readBusIdentity } from '../../fabric/bus/bus-identity.ts';
import { mintOperatorCredentials } from '../../fabric/bus/operator-credentials.ts';
import { parseCount } from '../options/options.ts';
import { addDataOption, readDataFolder, type SettingOptions } from '../options/setting-options.ts';

type CredentialsOptions = SettingOptions & {
  role: 'operator';
  name: string;
  days: number;
  out?: string;
  ownInbox?: boolean;
};

const SECONDS_PER_DAY = 24 * 60 * 60;
const DEFAULT_DAYS = 30;

export function defineCredentialsCommand(command: Command): void {
  addDataOption(command)
    .addOption(new Option('--role <role>', 'what the program may do').choices(['operator']).makeOptionMandatory())
    .addOption(new Option('--name <name>', 'what the program is called in lists of connections').default('operator'))
    .addOption(new Option('--days <number>', 'how long they hold').default(DEFAULT_DAYS).argParser(parseCount))
    .addOption(new Option('--out <file>', 'a new file for them, readable by you alone (default: print them)'))
    .addOption(
      new Option(
        '--own-inbox',
        'hear answers under _INBOX_NAME only, unread by your other programs; tell it to the client',
      ),
    )
    .action(async (options: CredentialsOptions) => {
      const { creds, expiresAt, inboxPrefix } = mint(
        options,
        await readBusIdentity(relayFolder(readDataFolder(options))),
      );
      const until = new Date(expiresAt * 1000).toISOString();
      if (options.out === undefined) process.stdout.write(creds);
      else await writeNew(options.out, creds);
      const where = options.out === undefined ? '' : ` are in ${options.out} and`;
      process.stderr.write(`The credentials${where} hold until ${until}; inbox prefix ${inboxPrefix}.\n`);
    });
}

function mint(options: CredentialsOptions, identity: Parameters<typeof mintOperatorCredentials>[0]) {
  if (!/^[A-Za-z0-9][\w-]{0,62}$/.test(options.name)) {
    throw new Problem('invalid_option', 'Give --name as one word of letters, digits, - and _, at most 63.');
  }
  return mintOperatorCredentials(identity, {
    name: options.name,
    lifetimeSeconds: options.days * SECONDS_PER_DAY,
    ownInbox: options.ownInbox === true,
  });
}

/** Never over a file that is there: it may hold the credentials of a program that runs. */
async function writeNew(file: string, text: string): Promise<void> {
  try {
    await writeFile(file, text, { flag: 'wx', mode: 0o600 });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Problem(
      'invalid_option',
      `The credentials cannot be written: ${reason}. Choose another file with --out.`,
      {
        cause: error,
      },
    );
  }
}
