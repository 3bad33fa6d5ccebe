import { Problem } from '../../../problems/problem.ts';
import type { ChatInput, FetchedPictures, FinishReason, Usage } from '../../../protocol/messages.ts';
import { answerGrammar, offeredTools } from '../../constraints/answer-grammar.ts';
import { type Constraint, compileConstraint } from '../../constraints/constraint.ts';
import { TOOL_MARKS, type ToolFormat, toolFormatOf } from '../../constraints/tool-formats.ts';
import { createVocabulary, type Vocabulary } from '../../constraints/vocabulary.ts';
import type { RowOptions } from '../decoding/decode-request.ts';
import { createLogprobReader } from '../decoding/logprobs.ts';
import { createRandom } from '../decoding/random.ts';
import { planSampling } from '../decoding/sampling.ts';
import { createScoreAdjuster } from '../decoding/score-adjuster.ts';
import { createChoosing } from '../decoding/token-chooser.ts';
import type { LanguageModel } from '../library/language-model.ts';
import { type AnswerOutput, createAnswerWriter } from './answer-writer.ts';
import { holdAnswer } from './held-answer.ts';
import { readPrompt } from './picture-prompt.ts';
import { canThink, endOfPrompt, type PromptFormats, tokenBudget } from './prompt.ts';
import { beginsThoughts, createThoughtReader, type ThoughtFormat, thoughtFormatOf } from './thoughts.ts';

export type ChatResult = {
  finishReason: FinishReason;
  finishReasons?: FinishReason[];
  /** The stop string that ended the only choice. */
  stopSequence?: string;
  usage: Usage;
};

/**
 * Answers conversations with one model. `interrupted` is asked after every token; when it says yes the promise still
 * resolves, with what was made so far, and the caller decides what that means. Text goes out as soon as it can no longer
 * change. Several choices are made side by side.
 *
 * Tokens are counted without the end token; those whose text was cut by a stop string count, since they were made.
 * Throws `context_length_exceeded`, `invalid_value`, `unsupported_parameter`, and for pictures `unsupported_content`,
 * `unsupported_media` and `invalid_image`.
 */
export type Chat = (
  input: ChatInput,
  output: AnswerOutput,
  interrupted: () => boolean,
  rest: {
    scope: string | null;
    session: string | null;
    fetched: FetchedPictures | undefined;
    /** Whether what the model thinks is told apart from what it answers. */
    reasoningApart: boolean;
  },
) => Promise<ChatResult>;

/** Formats that many answers were asked for keep what was computed for them. */
const MOST_CONSTRAINTS = 16;

export function createChat(model: LanguageModel, contextLength: number): Chat {
  const formats: PromptFormats = {
    tools: toolFormatOf(model.tokenizer.template),
    thoughts: thoughtFormatOf(model.tokenizer.template),
  };
  const toolFormat = formats.tools;
  const constraintFor = createConstraintCache(toolFormat);
  let vocabulary: Vocabulary | null = null;

  function getVocabulary(): Vocabulary {
    vocabulary ??= createVocabulary(model.tokenizer.readVocabulary(), TOOL_MARKS);
    return vocabulary;
  }

  return async (input, output, interrupted, { fetched, reasoningApart, ...owner }) => {
    const { ids: promptIds, ...seen } = await readPrompt(model, input, formats, fetched);
    const budget = tokenBudget(promptIds.length, input, contextLength);
    const constraint = constraintFor(input, getVocabulary);
    if (constraint !== null && constraint.shortest > budget) throw budgetTooSmall(constraint.shortest, budget, input);
    const thoughts = reasoningApart && canThink(input, formats) ? formats.thoughts : null;
    const telling = tellingPrompt(output, promptIds.length);
    const asked = {
      model,
      input,
      promptIds,
      budget,
      constraint,
      toolFormat,
      thoughts,
      thinksFromTheStart: thoughts !== null && beginsThoughts(endOfPrompt(model.tokenizer, promptIds), thoughts),
      output: telling,
      getVocabulary,
      interrupted,
    };
    const made = Array.from({ length: input.choices ?? 1 }, (_, choice) => prepareAnswer(asked, choice));
    const rows = made.map(({ row }) => row);
    const cachedTokens = await model.generate(promptIds, { ...owner, ...seen, isSeeded: input.seed !== null, rows });
    const answers = made.map(({ end }) => end());
    const finishReasons = answers.map(({ finishReason }) => finishReason);
    const [{ stopSequence } = {}] = answers.length === 1 ? answers : [];
    return {
      finishReason: finishReasons[0] ?? 'stop',
      ...(finishReasons.length > 1 ? { finishReasons } : {}),
      ...(stopSequence === undefined ? {} : { stopSequence }),
      usage: {
        inputTokens: promptIds.length,
        outputTokens: answers.reduce((sum, { tokens }) => sum + tokens, 0),
        ...(cachedTokens === 0 ? {} : { cachedTokens }),
      },
    };
  };
}

/** Tells with the first piece how many tokens were read for it. */
function tellingPrompt(output: AnswerOutput, inputTokens: number): AnswerOutput {
  let first: { inputTokens?: number } = { inputTokens };
  const told = (): { inputTokens?: number } => {
    const more = first;
    first = {};
    return more;
  };
  return {
    text: (text, tokens, more) => output.text(text, tokens, { ...more, ...told() }),
    toolCall: (piece) => output.toolCall({ ...piece, ...told() }),
  };
}

type AskedAnswer = {
  model: LanguageModel;
  input: ChatInput;
  promptIds: readonly number[];
  budget: number;
  constraint: Constraint | null;
  toolFormat: ToolFormat;
  /** How thoughts are marked, where they are to be told apart. */
  thoughts: ThoughtFormat | null;
  /** Whether the prompt has begun them. */
  thinksFromTheStart: boolean;
  output: AnswerOutput;
  getVocabulary: () => Vocabulary;
  interrupted: () => boolean;
};

/** What the model is to do for one answer, and what to do when that is done. */
function prepareAnswer(asked: AskedAnswer, choice: number) {
  const { model, input, promptIds, getVocabulary } = asked;
  const { constraint, budget } = asked;
  const logprobs =
    input.topLogprobs === undefined ? null : createLogprobReader(input.topLogprobs, tokenNames(model, getVocabulary()));
  const offered = offeredTools(input);
  const tools = offered.length > 0 ? asked.toolFormat : null;
  const writer = createAnswerWriter({
    model,
    choice,
    stops: input.stop,
    output: asked.output,
    tools,
    offered,
    vocabulary: constraint === null ? null : getVocabulary(),
    logprobOf: logprobs === null ? null : logprobs.of,
    thoughts: asked.thoughts && createThoughtReader(asked.thoughts, asked.thinksFromTheStart, tools?.mark),
  });
  const held = constraint === null ? null : holdAnswer(constraint, budget, asked.toolFormat, writer.phase);
  const size = input.logitBias === undefined ? 0 : getVocabulary().size;
  const choosing = createChoosing({
    plan: planSampling(input, model.generationDefaults),
    random: createRandom(input.seed === null ? unforeseenSeed() : input.seed + choice),
    adjuster: createScoreAdjuster(input, model.generationDefaults, promptIds, size),
    logprobs,
    answer: held === null ? null : held.next,
    endIds: model.endIds,
  });
  const isComplete = (): boolean => held?.isComplete() ?? false;
  const row: RowOptions = {
    maxNewTokens: budget,
    choose: choosing === null ? null : choosing.choose,
    onToken: writer.push,
    shouldStop: () => writer.stopped() || isComplete() || asked.interrupted(),
  };
  return {
    row,
    end() {
      const end = writer.end(isComplete());
      // An answer that was closed early for want of tokens is valid, but it is not what the model had to say.
      return choosing?.isSqueezed() ? { ...end, finishReason: 'length' as const } : end;
    },
  };
}

function createConstraintCache(format: ToolFormat) {
  const kept = new Map<string, Constraint>();
  return (input: ChatInput, getVocabulary: () => Vocabulary): Constraint | null => {
    const write = answerGrammar(input, format);
    if (write === null) return null;
    const key = JSON.stringify([input.format, input.tools, input.toolChoice, input.parallelToolCalls]);
    let constraint = kept.get(key);
    kept.delete(key);
    if (constraint === undefined || constraint.isFull()) constraint = compileConstraint(write, getVocabulary());
    kept.set(key, constraint);
    const [oldest] = kept.keys();
    if (kept.size > MOST_CONSTRAINTS && oldest !== undefined) kept.delete(oldest);
    return constraint;
  };
}

function tokenNames({ tokenizer }: LanguageModel, vocabulary: Vocabulary) {
  const decoder = new TextDecoder();
  const encoder = new TextEncoder();
  return (id: number): { token: string; bytes: number[] } => {
    const bytes = vocabulary.bytesOf(id) ?? encoder.encode(tokenizer.decode([id]));
    return { token: decoder.decode(bytes), bytes: [...bytes] };
  };
}

function unforeseenSeed(): number {
  const [low = 0, high = 0] = crypto.getRandomValues(new Uint32Array(2));
  return (high & 0x1fffff) * 2 ** 32 + low;
}

function budgetTooSmall(shortest: number, budget: number, input: ChatInput): Problem {
  if (input.maxTokens === budget) {
    return new Problem(
      'invalid_value',
      `The shortest answer in this format has about ${shortest} tokens and max_completion_tokens is ${budget}. Raise it.`,
      { param: 'max_completion_tokens' },
    );
  }
  return new Problem(
    'context_length_exceeded',
    `The messages leave room for ${budget} tokens, and the shortest answer in this format has about ${shortest}. Shorten the messages.`,
    { param: 'messages' },
  );
}
