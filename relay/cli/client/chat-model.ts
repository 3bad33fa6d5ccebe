import type { Model, ModelList } from '../../../shared/api/models.ts';
import { Problem } from '../../../shared/problems/problem.ts';
import { COMMAND } from '../own-command.ts';
import { getJson } from './get-json.ts';

/** Ships with Sparewatt, so that there is an answer before any other model was fetched. */
export const DEMO_CHAT_MODEL = 'sparewatt/demo-chat';

type Asked = { relayUrl: string; apiKey: string };

/**
 * A model for chats that this key may ask now: one in memory before one that has to be loaded, and the demo only where there is no
 * other. Errors: `model_not_found` where there is none, those of `getJson`.
 */
export async function findChatModel({ relayUrl, apiKey }: Asked): Promise<string> {
  const { data } = await getJson<ModelList>(relayUrl, '/v1/models', apiKey).catch((error: unknown) => {
    if (!(error instanceof Problem) || error.code !== 'insufficient_scope') throw error;
    throw new Problem(error.code, `${error.message} Name the model that it may ask with --model.`);
  });
  const [best] = data.filter(({ capabilities }) => capabilities.includes('llm')).sort((a, b) => rankOf(a) - rankOf(b));
  if (best !== undefined) return best.id;
  const others =
    data.length === 0 ? 'No node serves a model now.' : 'None of the models that are served answers chats.';
  throw new Problem('model_not_found', `${others} Add one with: ${COMMAND} agent`);
}

function rankOf({ id, status }: Model): number {
  if (status === 'unavailable') return 3;
  if (id === DEMO_CHAT_MODEL) return 2;
  return status === 'warm' ? 0 : 1;
}
