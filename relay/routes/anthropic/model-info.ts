import type { FastifyRequest } from 'fastify';
import type { ModelInfo, ModelInfoList } from '../../../shared/api/anthropic-models.ts';
import type { Model } from '../../../shared/api/models.ts';

/** Whether one of Anthropic's clients asks where others ask, too: all of them send this header. */
export function isOfAnthropic({ headers }: Pick<FastifyRequest, 'headers'>): boolean {
  return headers['anthropic-version'] !== undefined;
}

export function modelInfoOf({ id, created, context_length: tokens }: Model): ModelInfo {
  return {
    type: 'model',
    id,
    display_name: id,
    created_at: new Date(created * 1_000).toISOString(),
    max_input_tokens: tokens,
    max_tokens: tokens,
    capabilities: null,
  };
}

export function modelInfoList(models: readonly Model[]): ModelInfoList {
  const [first_id = null, last_id = null] = [models.at(0)?.id, models.at(-1)?.id];
  return { data: models.map(modelInfoOf), has_more: false, first_id, last_id };
}
