import { type Static, Type } from 'typebox';
import { LIMITS } from '../protocol/limits.ts';
import { CompletionUsage } from './chat.ts';
import { Maybe, Nullable } from './nullable.ts';
import { RoutingRequest } from './routing.ts';
import { SAMPLING, STREAMING } from './sampling.ts';

const MOST_LOGPROBS = Math.min(5, LIMITS.maxTopLogprobs);
/** In one request; each is a job of its own. LangChain sends up to 20 at a time. */
export const MOST_PROMPTS = 32;

/** Body of `POST /v1/completions`, OpenAI's older route: a text that the model continues, without a chat template. */
export const CompletionRequest = Type.Object(
  {
    model: Type.String({ minLength: 1, maxLength: 256 }),
    prompt: Type.Unknown({ description: `A text, or a list of up to ${MOST_PROMPTS}, each of which is answered.` }),
    ...STREAMING,
    ...SAMPLING,
    max_tokens: Maybe(Type.Integer({ minimum: 1, description: '16 where it is left out, as with OpenAI.' })),
    logprobs: Maybe(
      Type.Integer({ minimum: 0, maximum: MOST_LOGPROBS, description: 'Of how many tokens beside the chosen one.' }),
    ),
    echo: Maybe(Type.Boolean({ description: 'Begins the answer with the prompt; not together with logprobs.' })),
    best_of: Maybe(Type.Integer({ minimum: 1 })),
    suffix: Maybe(Type.String()),
    user: Maybe(Type.String()),
    prompt_cache_key: Maybe(Type.String()),
    routing: Maybe(RoutingRequest),
  },
  {
    additionalProperties: true,
    examples: [{ model: 'sparewatt/demo-chat', prompt: 'The capital of France is', max_tokens: 8, temperature: 0 }],
  },
);
export type CompletionRequest = Static<typeof CompletionRequest>;

/** By token, in four lists of the same length. */
const CompletionLogprobs = Type.Object({
  tokens: Type.Array(Type.String()),
  token_logprobs: Type.Array(Type.Number()),
  top_logprobs: Type.Array(Type.Record(Type.String(), Type.Number())),
  text_offset: Type.Array(Type.Integer({ description: 'UTF-16 units from the beginning of the text' })),
});
export type CompletionLogprobs = Static<typeof CompletionLogprobs>;

const CompletionChoice = Type.Object({
  text: Type.String(),
  index: Type.Integer(),
  logprobs: Nullable(CompletionLogprobs),
  finish_reason: Nullable(Type.String({ description: 'stop or length; null in all events of a choice but its last' })),
});
export type CompletionChoice = Static<typeof CompletionChoice>;

/** The whole answer, and with `stream: true` each event of it. */
export const Completion = Type.Object({
  id: Type.String(),
  object: Type.Literal('text_completion'),
  created: Type.Integer({ description: 'Unix seconds' }),
  model: Type.String(),
  choices: Type.Array(CompletionChoice, { description: 'Empty in the event that carries the usage.' }),
  usage: Maybe(CompletionUsage),
});
export type Completion = Static<typeof Completion>;
