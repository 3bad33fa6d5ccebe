import { type Static, Type } from 'typebox';
import { LIMITS } from '../protocol/limits.ts';
import { Maybe } from './nullable.ts';

/** How the tokens of an answer are drawn, and where it ends: the same for chats and for completions. */
export const SAMPLING = {
  temperature: Maybe(Type.Number({ minimum: 0, maximum: 2 })),
  top_p: Maybe(Type.Number({ minimum: 0, maximum: 1 })),
  seed: Maybe(Type.Integer()),
  stop: Maybe(
    Type.Union([
      Type.String({ minLength: 1 }),
      Type.Array(Type.String({ minLength: 1 }), { maxItems: LIMITS.maxStopSequences }),
    ]),
  ),
  n: Maybe(Type.Integer({ minimum: 1, maximum: LIMITS.maxChoices })),
  logit_bias: Maybe(Type.Record(Type.String(), Type.Number({ minimum: -100, maximum: 100 }))),
  top_k: Maybe(Type.Integer({ minimum: -1, description: 'As in vLLM: 0 and -1 mean all tokens.' })),
  min_p: Maybe(Type.Number({ minimum: 0, maximum: 1 })),
  repetition_penalty: Maybe(Type.Number({ exclusiveMinimum: 0, maximum: 2 })),
  presence_penalty: Maybe(Type.Number({ minimum: -2, maximum: 2 })),
  frequency_penalty: Maybe(Type.Number({ minimum: -2, maximum: 2 })),
};

const SamplingRequest = Type.Object(SAMPLING);
export type SamplingRequest = Static<typeof SamplingRequest>;

/** Whether an answer comes as server-sent events. */
export const STREAMING = {
  stream: Maybe(Type.Boolean()),
  stream_options: Maybe(
    Type.Object({ include_usage: Maybe(Type.Boolean()), include_obfuscation: Maybe(Type.Boolean()) }),
  ),
};
