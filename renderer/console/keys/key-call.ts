import type { CreatedKey, KeyScope } from '../../../shared/api/keys.ts';
import type { ModelList } from '../../../shared/api/models.ts';
import { shellQuoted } from '../playground/snippets.ts';

type Model = Pick<ModelList['data'][number], 'id' | 'capabilities'>;

/** What a key can read that asks no model, by what it may do; the first that it may is shown. */
const READS: readonly [scope: KeyScope, path: string][] = [
  ['catalog', '/v1/models'],
  ['jobs', '/v1/jobs'],
  ['files', '/v1/files'],
  ['usage', '/v1/usage'],
  ['receipts', '/v1/log/head'],
];

/**
 * A line for a shell that works as it is: it asks a model `example` that the key may ask now, else reads what it may read; undefined where
 * it may do neither. Pure.
 */
export function callWithKey(
  { key, scopes, models }: Pick<CreatedKey, 'key' | 'scopes' | 'models'>,
  served: readonly Model[],
  origin: string,
  example: string,
): string | undefined {
  const order = scopes.includes('inference')
    ? orderOf(
        served.filter(({ id }) => models?.includes(id) ?? true),
        example,
      )
    : null;
  const path = order?.path ?? READS.find(([scope]) => scopes.includes(scope))?.[1];
  if (path === undefined) return undefined;
  const lines = [`curl ${origin}${path}`, `-H ${shellQuoted(`Authorization: Bearer ${key}`)}`];
  if (order !== null)
    lines.push(`-H 'Content-Type: application/json'`, `-d ${shellQuoted(JSON.stringify(order.body))}`);
  return lines.join(' \\\n  ');
}

/** A chat comes before embeddings; models of other tasks want files, which no line has. */
function orderOf(models: readonly Model[], content: string): { path: string; body: object } | null {
  const first = (capability: string) => models.find(({ capabilities }) => capabilities.includes(capability))?.id;
  const [chat, embedder] = [first('llm'), first('embed')];
  if (chat !== undefined) {
    return { path: '/v1/chat/completions', body: { model: chat, messages: [{ role: 'user', content }] } };
  }
  return embedder === undefined ? null : { path: '/v1/embeddings', body: { model: embedder, input: content } };
}
