import { Problem } from '../../../shared/problems/problem.ts';
import type { ChatInput } from '../../../shared/protocol/messages.ts';
import type { NodeTable } from '../../fabric/nodes/node-table.ts';

/**
 * Refuses what no node of the model has words for, before any of them is asked: miners answer conversations, one answer at a
 * time, without the probabilities of its tokens (SPEC M13). A model that no node serves at the moment may yet get one that does.
 * Errors: `unsupported_parameter`.
 */
export function assertSomeNodeGives(model: string, input: ChatInput, table: NodeTable): void {
  const param = specialWishOf(input);
  if (param === undefined) return;
  const nodes = [...table.serving(model)];
  if (nodes.length === 0 || nodes.some(({ document }) => document.network?.transport !== 'http')) return;
  const sentence = `${model} is served by miners over HTTP alone, which ${WITHOUT[param]}`;
  throw new Problem('unsupported_parameter', sentence, { param });
}

const WITHOUT = {
  n: 'give one answer at a time. Leave n out.',
  logprobs: 'give no probabilities of tokens. Leave logprobs out.',
  prompt: 'answer conversations. Ask at /v1/chat/completions.',
};

function specialWishOf({ choices = 1, topLogprobs, raw }: ChatInput): keyof typeof WITHOUT | undefined {
  if (raw !== undefined) return 'prompt';
  if (choices > 1) return 'n';
  return topLogprobs === undefined ? undefined : 'logprobs';
}
