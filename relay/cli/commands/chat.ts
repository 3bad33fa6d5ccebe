import { Argument, type Command, Option } from 'commander';
import { counted } from '../../../shared/problems/counted.ts';
import { askChat, type ChatAnswer } from '../client/ask-chat.ts';
import { findChatModel } from '../client/chat-model.ts';
import { fetchReceiptProof, writeReceiptFile } from '../client/receipt-file.ts';
import { addClientOptions, readClient } from '../options/client-options.ts';
import { parseCount } from '../options/options.ts';
import { pictureUrl } from '../options/picture-argument.ts';
import type { SettingOptions } from '../options/setting-options.ts';
import { printable, printableText, writeAnswer } from '../terminal/printable.ts';
import { err } from '../terminal/style.ts';

type ChatCommandOptions = SettingOptions & {
  system?: string;
  image?: string[];
  maxTokens?: number;
  json?: boolean;
  receipt?: string;
};

export function defineChatCommand(command: Command): void {
  addClientOptions(command, ['api_key', 'model'])
    .addArgument(new Argument('<prompt>', 'what to ask; - reads it from stdin'))
    .addOption(new Option('--system <text>', 'a system message to put before'))
    .addOption(new Option('--image <place...>', 'pictures to show: files, or https addresses that the relay may ask'))
    .addOption(new Option('--max-tokens <number>', 'longest answer').argParser(parseCount))
    .addOption(new Option('--receipt <file>', 'save the receipt with its proof'))
    .addOption(new Option('--json', 'print one JSON object when the answer is complete'))
    .action(async (prompt: string, options: ChatCommandOptions) => {
      const client = await readClient(options);
      const thoughts = options.json !== true && process.stderr.isTTY ? createThoughtPrinter() : undefined;
      const answer = await askChat({
        ...client,
        model: client.model ?? (await findChatModel(client)),
        prompt: prompt === '-' ? await readStdin() : prompt,
        pictures: await Promise.all((options.image ?? []).map(pictureUrl)),
        onText: (text) => {
          thoughts?.end();
          if (options.json !== true) writeAnswer(text);
        },
        onThought: (text) => thoughts?.print(text),
        ...(options.system === undefined ? {} : { system: options.system }),
        ...(options.maxTokens === undefined ? {} : { maxTokens: options.maxTokens }),
      });
      if (options.receipt !== undefined) {
        const proof = await fetchReceiptProof(client.relayUrl, client.apiKey, answer.receiptId);
        writeReceiptFile(options.receipt, proof);
      }
      if (options.json === true) process.stdout.write(`${JSON.stringify(answer)}\n`);
      else {
        process.stdout.write('\n');
        if (endedInThoughts(answer)) process.stderr.write(`${CUT_IN_THOUGHTS}\n`);
        process.stderr.write(`${err.dim(describeAnswer(answer))}\n`);
      }
    });
}

const CUT_IN_THOUGHTS =
  'The model was still thinking at the last token that it may make, and has no answer. Raise --max-tokens.';

function endedInThoughts({ text, reasoning, finishReason }: ChatAnswer): boolean {
  return finishReason === 'length' && text === '' && reasoning !== undefined;
}

/** Shows a person what the model thinks, beside the answer, which is the data. */
function createThoughtPrinter(): { print(text: string): void; end(): void } {
  let isThinking = false;
  return {
    print: (text) => {
      isThinking = true;
      process.stderr.write(err.dim(printableText(text)));
    },
    end: () => {
      if (isThinking) process.stderr.write('\n\n');
      isThinking = false;
    },
  };
}

/** One line beside the answer, which is the data: who gave it with which model, how much, how fast, and where the receipt is. */
export function describeAnswer(answer: ChatAnswer): string {
  return [
    `served by ${printable(answer.node)}`,
    printable(answer.model),
    `${counted(answer.outputTokens, 'token')} in ${answer.totalMs.toFixed(0)} ms`,
    ...(answer.tokensPerSecond === null ? [] : [`${answer.tokensPerSecond.toFixed(0)} tokens/s`]),
    `the first after ${answer.firstTokenMs.toFixed(0)} ms`,
    `receipt ${printable(answer.receiptId)}`,
  ].join(' · ');
}

async function readStdin(): Promise<string> {
  let text = '';
  for await (const chunk of process.stdin.setEncoding('utf8')) text += chunk;
  return text.trim();
}
