import { Problem } from '../../../shared/problems/problem.ts';
import type { ChatInput } from '../../../shared/protocol/messages.ts';
import type { NodeTable } from '../../fabric/node-table.ts';

/**
 * Refuses what no node of the model has words for, before any of them is asked: miners give one answer at a time, without
 * the probabilities of its tokens (SPEC M13). A model that no node serves at the moment may yet get one that does.
 * Errors: `unsupported_parameter`.
 */
export function assertSomeNodeGives(model: string, { choices = 1, topLogprobs }: ChatInput, table: NodeTable): void {
  const param = choices > 1 ? 'n' : topLogprobs === undefined ? undefined : 'logprobs';
  if (param === undefined) return;
  const nodes = [...table.serving(model)];
  if (nodes.length === 0 || nodes.some(({ document }) => document.network?.transport !== 'http')) return;
  const what = param === 'n' ? 'one answer at a time' : 'no probabilities of tokens';
  const sentence = `${model} is served by miners over HTTP alone, which give ${what}. Leave ${param} out.`;
  throw new Problem('unsupported_parameter', sentence, { param });
}
