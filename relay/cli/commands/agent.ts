import { join } from 'node:path';
import { type Command, Option } from 'commander';
import { createProcessLog } from '../../process-log.ts';
import { VERSION } from '../../version.ts';
import { untilInterrupted } from '../interrupt.ts';
import { DEFAULT_RELAY, dataOption, logLevelOption, parseCount, relayOption } from '../options.ts';
import { out } from '../style.ts';

type AgentCommandOptions = {
  relay: string;
  data: string;
  name?: string;
  model: string[];
  slots: number;
  joinToken?: string;
  hub?: string;
  hubToken?: string;
  readyJson?: boolean;
  logLevel: string;
};

export function addAgentCommand(program: Command): void {
  program
    .command('agent')
    .description('make this machine a node: run jobs for a relay, without a screen')
    .addOption(relayOption().default(DEFAULT_RELAY))
    .addOption(dataOption())
    .addOption(new Option('--name <name>', 'what the relay calls this machine (default: its host name)'))
    .addOption(
      new Option('--model <id...>', 'models to serve: a shipped one or any transformers.js model of the hub').default(
        [],
        'the demo models that ship with Sparewatt',
      ),
    )
    .addOption(new Option('--slots <number>', 'jobs at a time').default(4).argParser(parseCount))
    .addOption(
      new Option('--join-token <token>', "the relay's admin token, for a node on another machine").env(
        'SPAREWATT_JOIN_TOKEN',
      ),
    )
    .addOption(new Option('--hub <url>', 'where models are downloaded from').env('SPAREWATT_HUB'))
    .addOption(
      new Option('--ready-json', 'print one line of JSON with nodeId and pid when a relay has accepted the node'),
    )
    .addOption(logLevelOption())
    .action(async (options: AgentCommandOptions) => {
      // The composition root: the one place of this room that knows the other (ARCHITECTURE.md, import table).
      const { startHeadlessAgent } = await import('../../../main/headless/headless-agent.ts');
      const log = createProcessLog(options.logLevel);
      const interrupted = untilInterrupted();
      const agent = await startHeadlessAgent({
        relayUrl: options.relay,
        dataFolder: join(options.data, 'node'),
        models: options.model,
        slots: options.slots,
        version: VERSION,
        log,
        onProgress: (line) => process.stderr.write(`${line}\n`),
        ...(options.name === undefined ? {} : { name: options.name }),
        ...(options.joinToken === undefined ? {} : { joinToken: options.joinToken }),
        ...(options.hub === undefined ? {} : { hubUrl: options.hub }),
        ...(options.hubToken === undefined ? {} : { hubToken: options.hubToken }),
      });
      const stopped = interrupted.then(() => agent.close());
      agent.ready.then(
        (nodeId) => process.stdout.write(readyText(nodeId, options)),
        () => undefined, // `ended` carries the reason.
      );
      const problem = await Promise.race([agent.ended, stopped.then(() => undefined)]);
      if (problem !== undefined) throw problem;
    });
}

function readyText(nodeId: string, options: AgentCommandOptions): string {
  if (options.readyJson === true) return `${JSON.stringify({ nodeId, pid: process.pid })}\n`;
  return `\n${out.bold('Contributing')} as ${out.cyan(nodeId)} to ${options.relay}. Ctrl-C stops.\n\n`;
}
