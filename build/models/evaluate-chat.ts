/** Exact-answer rates and speed of the chat model, per task and dtype, as Sparewatt's own engine runs it. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ChatInput, ChatMessage, ToolDeclaration } from '../../shared/protocol/messages.ts';
import { type LoadedModel, loadModel } from '../../shared/runtimes/transformers/engine.ts';
import type { ModelFiles } from '../../shared/runtimes/transformers/model-files.ts';

const MODEL = 'sparewatt/demo-chat';
const FOLDER = fileURLToPath(new URL(`../../shared/models/${MODEL}`, import.meta.url));
const MODEL_FILES: ModelFiles = {
  async open(name) {
    const path = join(FOLDER, name);
    if (!existsSync(path)) return null;
    return name.endsWith('.onnx') ? { path } : { bytes: readFileSync(path) };
  },
};
const DTYPES = ['fp32', 'q8'] as const;
/** Longer than the longest right answer (the story, 74 tokens), shorter than an endless one. */
const MAX_NEW_TOKENS = 120;
const SPEED_RUNS = 9;
/** How many examples of each task the tests get; sums are taken as they come, right or wrong, tools have tests of their own. */
const EXAMPLE_COUNTS: Record<string, number> = {
  sum: 100,
  story: 2,
  greeting: 8,
  capital: 12,
  fallback: 8,
  'tool-call': 0,
  'tool-result': 0,
  'tool-none': 0,
};
const DEFAULT_EXAMPLE_COUNT = 10;

type Message = {
  role: ChatMessage['role'];
  content: string;
  tool_calls?: { function: { name: string; arguments: object } }[];
};

type ChatItem = {
  task: string;
  messages: Message[];
  tools?: { function: ToolDeclaration }[];
  answer: string;
};

/** Checks the file that `heldout_chat.py` wrote. */
export function parseChatItems(content: unknown): ChatItem[] {
  if (!Array.isArray(content) || !content.every(isChatItem)) {
    throw new Error('This is no list of held-out prompts; make it with heldout_chat.py.');
  }
  return content;
}

function isChatItem(item: unknown): item is ChatItem {
  const { task, messages, answer } = (item ?? {}) as Partial<ChatItem>;
  return typeof task === 'string' && Array.isArray(messages) && typeof answer === 'string';
}

/** Rates and speed of both dtypes; writes test examples when a path is given. */
export async function evaluateChat(items: ChatItem[], examplesPath?: string) {
  const figures: Record<string, unknown> = {};
  const rightOf = new Map(items.map((item) => [item, 0]));
  for (const dtype of DTYPES) {
    const started = performance.now();
    const model = await loadModel(MODEL_FILES, { dtype, device: 'cpu', threads: 1, prefixBudgetBytes: 0 });
    const loadMs = Math.round(performance.now() - started);
    const rates = await measureRates(model, items, rightOf);
    figures[dtype] = { loadMs, tokensPerSecond: await measureSpeed(model), rates };
    await model.dispose();
  }
  if (examplesPath !== undefined) writeExamples(examplesPath, items, rightOf);
  return { model: MODEL, ...figures };
}

async function measureRates(model: LoadedModel, items: ChatItem[], rightOf: Map<ChatItem, number>) {
  const rates: Record<string, { right: number; of: number; rate: number }> = {};
  for (const item of items) {
    const isRight = (await answer(model, item)).text === item.answer;
    rates[item.task] ??= { right: 0, of: 0, rate: 0 };
    const rate = rates[item.task];
    if (rate === undefined) continue;
    rate.of += 1;
    if (isRight) {
      rate.right += 1;
      rightOf.set(item, (rightOf.get(item) ?? 0) + 1);
    }
    rate.rate = Number((rate.right / rate.of).toFixed(4));
  }
  return rates;
}

/** A call of a tool is answered as its JSON. */
async function answer(model: LoadedModel, { messages, tools }: Pick<ChatItem, 'messages' | 'tools'>) {
  const input: ChatInput = {
    messages: messages.map(readMessage),
    ...(tools === undefined ? {} : { tools: tools.map(({ function: tool }) => tool) }),
    maxTokens: MAX_NEW_TOKENS,
    temperature: null,
    topP: null,
    seed: null,
    stop: [],
  };
  let text = '';
  const result = await model.run(
    { type: 'llm', model: MODEL, input },
    {
      text: (piece) => {
        text += piece;
      },
      toolCall: (piece) => {
        text += piece.name === undefined ? piece.arguments : `{"name":"${piece.name}","arguments":${piece.arguments}`;
      },
      vectors: () => undefined,
    },
    () => false,
  );
  const tokens = result.usage.outputTokens ?? 0;
  return { text: result.finishReason === 'tool_calls' ? `${text}}` : text, tokens };
}

/** Results follow their calls in order, one at a time. */
function readMessage({ role, content, tool_calls: calls = [] }: Message): ChatMessage {
  const toolCalls = calls.map(({ function: { name, arguments: values } }) => {
    return { id: 'call', name, arguments: JSON.stringify(values) };
  });
  return {
    role,
    content,
    ...(toolCalls.length === 0 ? {} : { toolCalls }),
    ...(role === 'tool' ? { toolCallId: 'call' } : {}),
  };
}

/** Median tokens per second of the story, after two runs to warm up. */
async function measureSpeed(model: LoadedModel): Promise<number> {
  const messages: Message[] = [{ role: 'user', content: 'Tell me a story.' }];
  const speeds: number[] = [];
  for (let run = 0; run < SPEED_RUNS + 2; run += 1) {
    const started = performance.now();
    const { tokens } = await answer(model, { messages });
    const seconds = (performance.now() - started) / 1000;
    if (run >= 2) speeds.push(tokens / seconds);
  }
  return Math.round(speeds.sort((a, b) => a - b)[SPEED_RUNS >> 1] ?? 0);
}

function writeExamples(path: string, items: ChatItem[], rightOf: Map<ChatItem, number>): void {
  const taken: Record<string, number> = {};
  const examples = items.filter((item) => {
    if (item.task !== 'sum' && rightOf.get(item) !== DTYPES.length) return false;
    taken[item.task] = (taken[item.task] ?? 0) + 1;
    return (taken[item.task] ?? 0) <= (EXAMPLE_COUNTS[item.task] ?? DEFAULT_EXAMPLE_COUNT);
  });
  const lines = examples.map((example) => `  ${JSON.stringify(example)}`);
  writeFileSync(path, `[\n${lines.join(',\n')}\n]\n`);
}
