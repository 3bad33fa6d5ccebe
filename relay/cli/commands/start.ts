import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type Command, Option } from 'commander';
import pino from 'pino';
import { createProcessLog } from '../../process-log.ts';
import { type Relay, startRelay } from '../../server.ts';
import { VERSION } from '../../version.ts';
import { askChat } from '../ask-chat.ts';
import { howToCall } from '../how-to-call.ts';
import { untilInterrupted } from '../interrupt.ts';
import { relayFolder } from '../local-relay.ts';
import { type NodeProcess, startNodeProcess } from '../node-process.ts';
import { dataOption, portOption } from '../options.ts';
import { out } from '../style.ts';
import { DEMO_CHAT_MODEL, describeAnswer } from './chat.ts';

type StartCommandOptions = { port: number; data: string; once?: boolean };

const QUESTION = 'Count from 7 to 18.';

export function addStartCommand(program: Command): void {
  program
    .command('start')
    .description('start a relay and a node on this machine, ask one question, and stay up')
    .addOption(portOption())
    .addOption(dataOption())
    .addOption(new Option('--once', 'end after the answer'))
    .action(async (options: StartCommandOptions) => {
      const interrupted = untilInterrupted();
      const started: { stop(): Promise<void> }[] = [];
      try {
        await Promise.race([interrupted, startAndAsk(options, started, interrupted)]);
      } finally {
        for (const part of started.reverse()) await part.stop();
      }
    });
}

async function startAndAsk(
  options: StartCommandOptions,
  started: { stop(): Promise<void> }[],
  interrupted: Promise<unknown>,
): Promise<void> {
  const say = (text: string): void => void process.stdout.write(`${text}\n`);
  const logFolder = join(options.data, 'logs');
  await mkdir(logFolder, { recursive: true, mode: 0o700 });
  const relayLog = pino.destination({ dest: join(logFolder, 'relay.log'), sync: true, mode: 0o600 });

  say(`\n${out.bold(`Sparewatt ${VERSION}`)}\n`);
  const starting: Promise<Relay> = startRelay({
    port: options.port,
    host: '127.0.0.1',
    dataFolder: relayFolder(options.data),
    log: createProcessLog('info', relayLog),
  });
  // Noted before it has started: an interrupt in between must not leave it running.
  started.push({
    stop: () =>
      starting.then(
        (relay) => relay.close(),
        () => undefined,
      ),
  });
  const relay = await starting;
  say(`  relay   ${out.cyan(relay.url)}  ${out.dim(`nats-server ${relay.natsVersion}, SQLite in ${options.data}`)}`);

  const node: NodeProcess = startNodeProcess(relay.url, options.data, join(logFolder, 'node.log'));
  started.push({ stop: () => node.stop() });
  const nodeId = await node.ready;
  const models = relay.models().join(', ');
  say(`  node    ${out.cyan(nodeId)}  ${out.dim(models)}\n`);

  process.stdout.write(`  ${out.bold('You')}     ${QUESTION}\n  ${out.bold('Model')}   `);
  const answer = await askChat({
    relayUrl: relay.url,
    apiKey: relay.apiKey,
    model: DEMO_CHAT_MODEL,
    prompt: QUESTION,
    onText: (text) => void process.stdout.write(text),
  });
  say(`\n\n  ${out.dim(describeAnswer(answer))}\n`);
  if (options.once === true) return;
  say(howToCall(relay));
  await Promise.race([interrupted, node.failed]);
}
