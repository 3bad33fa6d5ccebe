import type { ChatInput, FinishReason, Usage } from '../../protocol/messages.ts';
import type { LanguageModel } from './library.ts';
import { encodePrompt, tokenBudget } from './prompt.ts';
import { createRandom } from './random.ts';
import { createSampler, planSampling } from './sampling.ts';
import { createStopMatcher } from './stop-matcher.ts';
import { createTextAssembler } from './text-assembler.ts';

export type ChatOutput = (text: string, tokens: number) => void;
export type ChatResult = { finishReason: FinishReason; usage: Usage };

/**
 * Answers one conversation. `interrupted` is asked after every token; when it says yes the promise still resolves, with
 * what was made so far, and the caller decides what that means. Text goes out as soon as it can no longer change.
 *
 * Tokens are counted without the end token; those whose text was cut by a stop string count, since they were made.
 * Throws `context_length_exceeded` and `invalid_value`.
 */
export async function runChat(
  model: LanguageModel,
  contextLength: number,
  input: ChatInput,
  output: ChatOutput,
  interrupted: () => boolean,
): Promise<ChatResult> {
  const promptIds = encodePrompt(model.tokenizer, input.messages);
  const maxNewTokens = tokenBudget(promptIds.length, input.maxTokens, contextLength);
  const answer = createAnswer(model, input.stop, output);
  await model.generate(promptIds, {
    maxNewTokens,
    choose: tokenChooser(model, input),
    onToken: answer.push,
    shouldStop: () => answer.stopped() || interrupted(),
  });
  const { tokens, stopped } = answer.end();
  return {
    finishReason: stopped ? 'stop' : 'length',
    usage: { inputTokens: promptIds.length, outputTokens: tokens },
  };
}

function tokenChooser(model: LanguageModel, input: ChatInput) {
  const plan = planSampling(input, model.generationDefaults);
  if (plan === null) return null;
  return createSampler(plan, createRandom(input.seed ?? unforeseenSeed()));
}

function unforeseenSeed(): number {
  const [low = 0, high = 0] = crypto.getRandomValues(new Uint32Array(2));
  return (high & 0x1fffff) * 2 ** 32 + low;
}

/** Turns tokens into text that is sent once, in order, and ends at the end token or a stop string. */
function createAnswer(model: LanguageModel, stops: readonly string[], output: ChatOutput) {
  const { tokenizer, endIds } = model;
  const assembler = createTextAssembler((ids) => tokenizer.decode(ids));
  const matcher = createStopMatcher(stops);
  let tokens = 0;
  let unsent = 0;
  let ended = false;

  function send(text: string): void {
    if (text === '') return;
    output(text, unsent);
    unsent = 0;
  }

  const stopped = () => ended || matcher.matched();
  return {
    stopped,
    push(id: number): void {
      if (stopped()) return;
      ended = endIds.has(id);
      if (ended) return;
      tokens++;
      unsent++;
      if (!tokenizer.specialIds.has(id)) send(matcher.push(assembler.push(id)));
    },
    end(): { tokens: number; stopped: boolean } {
      send(matcher.push(assembler.flush()));
      send(matcher.flush());
      return { tokens, stopped: stopped() };
    },
  };
}
