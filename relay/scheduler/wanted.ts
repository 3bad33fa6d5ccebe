import { type Asked, sizeOf } from '../../shared/policy/decide.ts';
import { isHeld } from '../../shared/protocol/held-answer.ts';
import type { ChatInput, EmbedInput } from '../../shared/protocol/messages.ts';
import type { JobType } from '../../shared/protocol/subjects.ts';
import type { JobSpec } from '../jobs/job.ts';
import type { Affinity } from './affinity.ts';
import type { Routing } from './routing.ts';

/** How much a job is, as far as one can tell before it runs. */
export type Work = { readonly type: JobType; readonly inputTokens: number; readonly maxOutputTokens: number | null };

export type Wanted = {
  model: string;
  /** Nodes that have already failed this job. */
  exclude: ReadonlySet<string>;
  maxWaitMs: number;
  /** Whether it is worth waiting while no node of its model is here. */
  waitsForNodes?: boolean | undefined;
  signal: AbortSignal;
  routing?: Routing | undefined;
  /** Which other jobs it had better meet the node of, such as the earlier turns of its conversation. */
  affinity?: Affinity | undefined;
  work?: Work | undefined;
  /** Whether the answer must be held to a format (SPEC S14). */
  constrained?: boolean | undefined;
  /** What the policy of a node's owner looks at. */
  asked?: Asked | undefined;
  /** Under which job the choice is written down; without it, it is not. */
  job?: { readonly id: string; readonly apiKeyId: string } | undefined;
};

/** English text has about four characters per token; code and other languages have fewer, which hardly moves a choice. */
const CHARACTERS_PER_TOKEN = 4;
export const UNKNOWN_WORK: Work = { type: 'llm', inputTokens: 100, maxOutputTokens: null };

/** What one attempt of a job wants of its node. */
export function wantedBy(
  job: JobSpec,
  { exclude, maxWaitMs, signal }: Pick<Wanted, 'exclude' | 'maxWaitMs' | 'signal'>,
): Wanted {
  const { apiKeyId, model, routing, affinity, waitsForNodes, type, input } = job;
  const asked: Asked = { type, model, client: apiKeyId, size: sizeOf({ type, input }) };
  const constrained = type === 'llm' && isHeld(input as ChatInput);
  const wait = { maxWaitMs, waitsForNodes, signal };
  return { model, exclude, ...wait, routing, affinity, work: workOf(type, input), asked, constrained, job };
}

function workOf(type: JobType, input: JobSpec['input']): Work {
  if (type === 'llm') {
    const chat = input as ChatInput;
    return { type, inputTokens: tokensOfChat(chat), maxOutputTokens: chat.maxTokens };
  }
  if (type === 'embed') return { type, inputTokens: tokensOfTexts(input as EmbedInput), maxOutputTokens: 0 };
  return { ...UNKNOWN_WORK, type, maxOutputTokens: 0 };
}

function tokensOfChat(input: ChatInput): number {
  let characters = 0;
  for (const { content } of input.messages) characters += content.length;
  return Math.ceil(characters / CHARACTERS_PER_TOKEN);
}

function tokensOfTexts(input: EmbedInput): number {
  let tokens = 0;
  for (const text of input.inputs)
    tokens += typeof text === 'string' ? text.length / CHARACTERS_PER_TOKEN : text.length;
  return Math.ceil(tokens);
}
