import { Command, CommanderError } from 'commander';
import { VERSION } from '../version.ts';
import { addAgentCommand } from './commands/agent.ts';
import { addCaCommand } from './commands/ca.ts';
import { addChatCommand } from './commands/chat.ts';
import { addConfigCommand } from './commands/config.ts';
import { addCredentialsCommand } from './commands/credentials.ts';
import { addCreditsCommand } from './commands/credits.ts';
import { addJobsCommand } from './commands/jobs.ts';
import { addKeysCommand } from './commands/keys.ts';
import { addModelsCommand } from './commands/models.ts';
import { addNatsConfigCommand } from './commands/nats-config.ts';
import { addNodeCommand } from './commands/node.ts';
import { addNodesCommand } from './commands/nodes.ts';
import { addPairCommand } from './commands/pair.ts';
import { addPreflightCommand } from './commands/preflight.ts';
import { addReceiptsCommand } from './commands/receipts.ts';
import { addRelayCommand } from './commands/relay.ts';
import { addServicesCommand } from './commands/services.ts';
import { addSnapshotCommand } from './commands/snapshot.ts';
import { addStartCommand } from './commands/start.ts';
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
  addStartCommand(program);
  addRelayCommand(program);
  addAgentCommand(program);
  addChatCommand(program);
  addModelsCommand(program);
  addNodeCommand(program);
  addNodesCommand(program);
  addReceiptsCommand(program);
  addJobsCommand(program);
  addServicesCommand(program);
  addPairCommand(program);
  addKeysCommand(program);
  addCreditsCommand(program);
  addCaCommand(program);
  addNatsConfigCommand(program);
  addCredentialsCommand(program);
  addConfigCommand(program);
  addSnapshotCommand(program);
  addPreflightCommand(program);
  for (const command of program.commands) prepare(command, `${COMMAND} ${command.name()}`);
  outliveOutput(process.stdout, process.stderr, (error) => {
    process.stderr.write(`error The output could not be written: ${error.message}\n`);
    process.exitCode = EXIT.failed;
  });
  try {
    await program.parseAsync(argv);
  } catch (error) {
    process.exitCode = exitCodeOf(error);
  } finally {
    // A channel to the process that started us would keep this one alive for ever.
    if (process.connected) process.disconnect();
  }
}

/** Whoever has mistyped a command is told of the help of that one. */
function prepare(command: Command, called: string): void {
  command.exitOverride().showHelpAfterError(`(${called} --help says what it takes)`);
  for (const part of command.commands) prepare(part, `${called} ${part.name()}`);
}

function exitCodeOf(error: unknown): number {
  // commander has already printed its own message; help and version end with 0.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
  return reportProblem(error);
}
