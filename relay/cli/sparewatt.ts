import { Command, CommanderError, Help, type Option } from 'commander';
import { VERSION } from '../version.ts';
import { COMMANDS } from './commands/all.ts';
import { EXIT } from './exit-codes.ts';
import { COMMAND } from './own-command.ts';
import { reportProblem } from './report.ts';
import { outliveOutput } from './unwritten-output.ts';

const EXIT_CODES_HELP = `
Exit codes:
  0  done
  1  failed; the reason is on stderr
  2  the command line is wrong
  3  the relay does not answer; for sparewatt node: no node runs on this machine
  4  the relay refused the key or the node
  130  interrupted

Environment:
  SPAREWATT_DATA      data folder (--data)
  SPAREWATT_RELAY     address of the relay (--relay)
  SPAREWATT_API_KEY   API key (--api-key)
  SPAREWATT_ADMIN_TOKEN  admin token (--admin-token)
  SPAREWATT_CONFIG    configuration file (--config); sparewatt config shows
                      every setting and its variable
  NATS_SERVER_BIN     nats-server program to use
  NO_COLOR            never colour the output`;

/** Runs one `sparewatt` command and sets the process's exit code. */
export async function main(argv: string[]): Promise<void> {
  const program = new Command('sparewatt')
    .description('Spare GPUs as an inference service their owners can trust.')
    .version(VERSION)
    // What stands behind a subcommand is for it, also where both have a flag of that name.
    .enablePositionalOptions()
    .showHelpAfterError(`(${COMMAND} --help shows every command)`)
    .addHelpText('after', EXIT_CODES_HELP)
    .exitOverride();
  outliveOutput(process.stdout, process.stderr, (error) => {
    process.stderr.write(`error The output could not be written: ${error.message}\n`);
    process.exitCode = EXIT.failed;
  });
  try {
    const words = askedOf(argv.slice(2));
    await addCommands(program, words);
    await program.parseAsync(words, { from: 'user' });
  } catch (error) {
    process.exitCode = exitCodeOf(error);
  } finally {
    // A channel to the process that started us would keep this one alive for ever.
    if (process.connected) process.disconnect();
  }
}

/** commander's `help` looks at one word after it, and would show the help of `jobs` to whoever asks for `help jobs submit`. */
function askedOf(words: string[]): string[] {
  const [first, ...named] = words;
  return first === 'help' && named.length > 1 ? [...named, '--help'] : words;
}

/** Those that are not called have only the name and the description that the help of all shows. */
async function addCommands(program: Command, words: string[]): Promise<void> {
  const called = words.find((word) => COMMANDS.some(([name]) => name === word));
  for (const [name, description, load] of COMMANDS) {
    const command = program.command(name).description(description);
    if (name !== called) continue;
    (await load())(command);
    prepare(command, `${COMMAND} ${name}`);
  }
}

/** Descriptions are wrapped where at least so many columns are left for them; with fewer, they would run over the edge. */
const NARROWEST_COLUMN = 24;

/** Whoever has mistyped a command is told of the help of that one. */
function prepare(command: Command, called: string): void {
  command
    .exitOverride()
    .configureHelp({ minWidthToWrap: NARROWEST_COLUMN, groupItems: ownFirst })
    .showHelpAfterError(`(${called} --help says what it takes)`);
  if (command.commands.length > 0) refuseOtherParts(command);
  for (const part of command.commands) prepare(part, `${called} ${part.name()}`);
}

/** What commander calls those of a command that are in no other group. */
const OWN_HEADING = 'Options:';

/** commander shows groups in the order in which they were begun, and a command begins with its settings: its own go before. */
function ownFirst<Item extends Command | Option>(all: Item[], shown: Item[], headingOf: (item: Item) => string) {
  const groups = [...new Help().groupItems(all, shown, headingOf)];
  return new Map(groups.sort(([one], [other]) => Number(other === OWN_HEADING) - Number(one === OWN_HEADING)));
}

/** commander counts a mistyped part of a command that does something by itself among the arguments, of which there are none. */
function refuseOtherParts(command: Command): void {
  command.allowExcessArguments().hook('preAction', (self, called) => {
    const [word] = self.args;
    if (self === called && word !== undefined) self.error(`error: unknown command '${word}'`);
  });
}

function exitCodeOf(error: unknown): number {
  // commander has already printed its own message; help and version end with 0.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
  return reportProblem(error);
}
