/** Exact-answer rates and speed of the chat model, per task and dtype. */
import { writeFileSync } from 'node:fs';
import { pipeline, type TextGenerationPipeline } from '@huggingface/transformers';

const MODEL = 'sparewatt/demo-chat';
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

interface Message {
  role: string;
  content: string;
}

interface ChatItem {
  task: string;
  messages: Message[];
  tools?: object[];
  answer: string;
}

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
    const generator = await loadGenerator(dtype);
    const loadMs = Math.round(performance.now() - started);
    const rates = await measureRates(generator, items, rightOf);
    figures[dtype] = { loadMs, tokensPerSecond: await measureSpeed(generator), rates };
    await generator.dispose();
  }
  if (examplesPath !== undefined) writeExamples(examplesPath, items, rightOf);
  return { model: MODEL, ...figures };
}

async function loadGenerator(dtype: (typeof DTYPES)[number]): Promise<TextGenerationPipeline> {
  const session_options = { intraOpNumThreads: 1, interOpNumThreads: 1 };
  return await pipeline('text-generation', MODEL, { dtype, device: 'cpu', session_options });
}

async function measureRates(generator: TextGenerationPipeline, items: ChatItem[], rightOf: Map<ChatItem, number>) {
  const rates: Record<string, { right: number; of: number; rate: number }> = {};
  for (const item of items) {
    const isRight = (await answer(generator, item.messages, item.tools)) === item.answer;
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

/** The text of an answer; a call of a tool is its JSON, since the mark before it is a special token. */
async function answer(generator: TextGenerationPipeline, messages: Message[], tools?: object[]): Promise<string> {
  const prompt = generator.tokenizer.apply_chat_template(messages, {
    tokenize: false,
    add_generation_prompt: true,
    ...(tools === undefined ? {} : { tools }),
  });
  const options = { max_new_tokens: MAX_NEW_TOKENS, add_special_tokens: false, return_full_text: false };
  const [output] = await generator(String(prompt), options);
  if (typeof output?.generated_text !== 'string') throw new Error('The pipeline returned no text.');
  return output.generated_text;
}

/** Median tokens per second of the story, after two runs to warm up. */
async function measureSpeed(generator: TextGenerationPipeline): Promise<number> {
  const messages = [{ role: 'user', content: 'Tell me a story.' }];
  const speeds: number[] = [];
  for (let run = 0; run < SPEED_RUNS + 2; run += 1) {
    const started = performance.now();
    const text = await answer(generator, messages);
    const seconds = (performance.now() - started) / 1000;
    if (run >= 2) speeds.push(generator.tokenizer.encode(text).length / seconds);
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
