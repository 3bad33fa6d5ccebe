import type { SamplingRequest } from '../../../shared/api/sampling.ts';
import { Problem } from '../../../shared/problems/problem.ts';
import { LIMITS } from '../../../shared/protocol/limits.ts';
import type { ChatInput } from '../../../shared/protocol/messages.ts';

/** What is asked of the drawing of tokens beside OpenAI's oldest parameters; what asks for nothing is left out. */
export function readDrawing(body: SamplingRequest): Partial<ChatInput> {
  const input: Partial<ChatInput> = {};
  if ((body.top_k ?? 0) > 0) input.topK = body.top_k ?? 0;
  if ((body.min_p ?? 0) > 0) input.minP = body.min_p ?? 0;
  if ((body.frequency_penalty ?? 0) !== 0) input.frequencyPenalty = body.frequency_penalty ?? 0;
  if ((body.presence_penalty ?? 0) !== 0) input.presencePenalty = body.presence_penalty ?? 0;
  if (body.repetition_penalty != null) input.repetitionPenalty = body.repetition_penalty;
  if ((body.n ?? 1) > 1) input.choices = body.n ?? 1;
  const biases = readBiases(body.logit_bias ?? {});
  if (biases !== null) input.logitBias = biases;
  return input;
}

/** The texts that end an answer. */
export function readStops({ stop }: SamplingRequest): string[] {
  return typeof stop === 'string' ? [stop] : (stop ?? []);
}

/** Refuses options of a stream that was not asked for. */
export function assertStreamOptions(body: { stream?: boolean | null; stream_options?: object | null }): void {
  if (body.stream_options == null || body.stream === true) return;
  const sentence = 'stream_options is only allowed together with stream: true.';
  throw new Problem('invalid_value', sentence, { param: 'stream_options' });
}

function readBiases(biases: Readonly<Record<string, number>>): Record<string, number> | null {
  const entries = Object.entries(biases);
  const wrong = entries.find(([id]) => !/^\d{1,7}$/.test(id));
  if (wrong !== undefined) {
    const sentence = `The keys of logit_bias are token ids, and ${JSON.stringify(wrong[0])} is none.`;
    throw new Problem('invalid_value', sentence, { param: 'logit_bias' });
  }
  if (entries.length > LIMITS.maxLogitBiases) {
    const sentence = `logit_bias has more than ${LIMITS.maxLogitBiases} entries.`;
    throw new Problem('invalid_value', sentence, { param: 'logit_bias' });
  }
  return entries.length === 0 ? null : { ...biases };
}
