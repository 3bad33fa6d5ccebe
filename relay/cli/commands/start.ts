import { join } from 'node:path';
import { type Command, Option } from 'commander';
import { leftOutSentence } from '../../../shared/tracing/otlp-exporter.ts';
import { saveCompiledCodeSoon } from '../../compiled-code.ts';
import { type LoadedSettings, settingsOf } from '../../config/load-settings.ts';
import { otlpTargetOf } from '../../config/otlp-target.ts';
import { makeFolder } from '../../data-folder/make-folder.ts';
import { localUrlOf } from '../../lan-url.ts';
import { createProcessLog, openLogFile } from '../../process-log.ts';
import type { Relay } from '../../server.ts';
import { VERSION } from '../../version.ts';
import { askChat } from '../client/ask-chat.ts';
import { DEMO_CHAT_MODEL, findChatModel } from '../client/chat-model.ts';
import { trustRelayOf } from '../client/relay-authority.ts';
import { type Interruption, listenForInterruption } from '../interrupt.ts';
import { type NodeProcess, startNodeProcess } from '../node/node-process.ts';
import { addSettingOptions, loadFromOptions, type SettingOptions } from '../options/setting-options.ts';
import { howToCall } from '../terminal/how-to-call.ts';
import { writeAnswer } from '../terminal/printable.ts';
import { out } from '../terminal/style.ts';
import { describeAnswer } from './chat.ts';
import { RELAY_SECTIONS, relayOptionsOf } from './relay.ts';

type StartCommandOptions = SettingOptions & { once?: boolean };
type Starting = { loaded: LoadedSettings; once: boolean };

const BUS_LINGER_S = 1;
const QUESTION = 'Count from 7 to 18.';

export function defineStartCommand(command: Command): void {
  addSettingOptions(command, RELAY_SECTIONS)
    .addOption(new Option('--once', 'end after the answer'))
    .action(async (options: StartCommandOptions) => {
      const loaded = loadFromOptions(RELAY_SECTIONS, options);
      settingsOf(loaded, 'relay'); // What is wrong is said before anything starts.
      const interruption = listenForInterruption();
      const started: { stop(): Promise<void> }[] = [];
      try {
        const asking = startAndAsk({ loaded, once: options.once === true }, started, interruption);
        await Promise.race([interruption.asked, asking]);
      } finally {
        for (const part of started.reverse()) await part.stop();
      }
    });
}

async function startAndAsk(
  { loaded, once }: Starting,
  started: { stop(): Promise<void> }[],
  { asked, insisted }: Interruption,
): Promise<void> {
  const say = (text: string): void => void process.stdout.write(`${text}\n`);
  const { data, log_level, ...program } = settingsOf(loaded, 'program');
  const logFolder = makeFolder(join(data, 'logs'));
  const relayLog = openLogFile(join(logFolder, 'relay.log'));

  say(`\n${out.bold(`Sparewatt ${VERSION}`)}\n`);
  // The logs have it, too, but here nobody reads them.
  const { leftOut = [] } = otlpTargetOf(program) ?? {};
  if (leftOut.length > 0) process.stderr.write(`${leftOutSentence(leftOut)}.\n\n`);
  const { startRelay } = await import('../../server.ts');
  const starting: Promise<Relay> = startRelay({
    ...relayOptionsOf(loaded),
    // Whoever killed this starts it again by hand, if at all.
    busLingerS: BUS_LINGER_S,
    insisted,
    log: createProcessLog(log_level, relayLog),
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
  trustRelayOf(data);
  const place = settingsOf(loaded, 'relay').database_url === undefined ? `SQLite in ${data}` : 'PostgreSQL';
  say(`  relay   ${out.cyan(relay.url)}  ${out.dim(`nats-server ${relay.natsVersion}, ${place}`)}`);

  const node: NodeProcess = startNodeProcess({
    relayUrl: localUrlOf(relay.url),
    dataFolder: data,
    configFile: loaded.file?.path,
    logFile: join(logFolder, 'node.log'),
  });
  started.push({ stop: () => node.stop() });
  const nodeId = await node.ready;
  say(`  node    ${out.cyan(nodeId)}  ${out.dim(relay.models().join(', '))}\n`);

  // The node that was just started has the demo, unless its owner chose other models.
  const here = { relayUrl: localUrlOf(relay.url), apiKey: relay.apiKey };
  const model = relay.models().includes(DEMO_CHAT_MODEL) ? DEMO_CHAT_MODEL : await findChatModel(here);
  process.stdout.write(`  ${out.bold('You')}     ${QUESTION}\n  ${out.bold('Model')}   `);
  const answer = await askChat({
    ...here,
    model,
    prompt: QUESTION,
    onText: writeAnswer,
  });
  say(`\n\n  ${out.dim(describeAnswer(answer))}\n`);
  if (once) return;
  say(howToCall({ ...relay, url: here.relayUrl, model }));
  saveCompiledCodeSoon();
  await Promise.race([asked, node.failed]);
}
