import { type Command, Option } from 'commander';
import { Problem } from '../../../shared/problems/problem.ts';
import { createProcessLog } from '../../process-log.ts';
import { startRelay } from '../../server.ts';
import { VERSION } from '../../version.ts';
import { untilInterrupted } from '../interrupt.ts';
import { relayFolder } from '../local-relay.ts';
import { dataOption, logLevelOption, portOption } from '../options.ts';
import { out } from '../style.ts';

type RelayCommandOptions = {
  port: number;
  host: string;
  data: string;
  nats?: string;
  natsCreds?: string;
  readyJson?: boolean;
  logLevel: string;
};

export function addRelayCommand(program: Command): void {
  program
    .command('relay')
    .description('start a relay: the HTTP API, its NATS server and its database')
    .addOption(portOption())
    .addOption(new Option('--host <address>', 'address to listen on').default('127.0.0.1'))
    .addOption(dataOption())
    .addOption(
      new Option('--nats <url>', 'use this NATS server or cluster instead of starting one').env('SPAREWATT_NATS'),
    )
    .addOption(new Option('--nats-creds <file>', 'creds file for that server').env('SPAREWATT_NATS_CREDS'))
    .addOption(
      new Option('--ready-json', 'print one line of JSON with url, natsUrl, apiKey, adminToken, pid when ready'),
    )
    .addOption(logLevelOption())
    .action(async (options: RelayCommandOptions, command: Command) => {
      assertNoSecretShown(options, command);
      const log = createProcessLog(options.logLevel);
      const interrupted = untilInterrupted();
      const relay = await startRelay({
        port: options.port,
        host: options.host,
        dataFolder: relayFolder(options.data),
        log,
        ...(options.nats === undefined ? {} : { natsUrl: options.nats }),
        ...(options.natsCreds === undefined ? {} : { natsCredsFile: options.natsCreds }),
      });
      if (options.readyJson === true) {
        const { url, natsUrl, apiKey, adminToken } = relay;
        process.stdout.write(`${JSON.stringify({ url, natsUrl, apiKey, adminToken, pid: process.pid })}\n`);
      } else {
        process.stdout.write(banner(relay, options.data));
      }
      const signal = await interrupted;
      log.info({ signal }, 'the relay is stopping');
      await relay.close();
    });
}

/** Every user of a machine can read its command lines. */
function assertNoSecretShown({ nats }: RelayCommandOptions, command: Command): void {
  if (nats?.includes('@') && command.getOptionValueSource('nats') === 'cli') {
    const advice = 'Set SPAREWATT_NATS instead, or give a creds file with --nats-creds.';
    throw new Problem('invalid_option', `A user or password of NATS does not belong on the command line. ${advice}`);
  }
}

function banner(relay: { url: string; apiKey: string; adminToken: string }, dataFolder: string): string {
  return `
${out.bold(`Sparewatt relay ${VERSION}`)}

  address      ${out.cyan(relay.url)}
  API key      ${relay.apiKey}
  admin token  ${relay.adminToken}
  data         ${dataFolder}

  Add a node   sparewatt agent --relay ${relay.url}
  Ask          sparewatt chat "What is 17 + 25?" --relay ${relay.url}

`;
}
