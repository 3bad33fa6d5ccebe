import type { Model } from '../../../shared/api/models.ts';
import { Problem } from '../../../shared/problems/problem.ts';
import type { ServedModel } from '../../../shared/protocol/capabilities.ts';
import { isServiceType, type JobType } from '../../../shared/protocol/subjects.ts';
import { READS_PICTURES } from '../../../shared/runtimes/transformers/tasks/task-kinds.ts';
import type { NodeTable } from '../nodes/node-table.ts';
import { nearestNames } from './nearest-names.ts';

export type ModelCatalog = {
  list(): Model[];
  /** Errors: `model_not_found`, `no_capacity` while nodes are expected back that may have it. */
  get(id: string): Model;
  /**
   * Passes a model that does this kind of work, also while no node has it, and any name that nodes which are expected back may
   * have. Throws `model_not_found` for a name that no node has ever served here, `invalid_value` for a model of the other kind.
   */
  assertKnown(id: string, type: JobType): void;
  /** Passes a language model that reads pictures. Errors: `model_not_found`, `unsupported_content` with this parameter. */
  assertSees(id: string, param: string): void;
};

const ADDRESS: Record<string, string> = {
  llm: '/v1/chat/completions',
  embed: '/v1/embeddings',
  ffmpeg: '/v1/services/ffmpeg/transcode',
  blender: '/v1/services/blender/render',
  compute: '/v1/services/science/matrix-product',
};

/** Programs and kernels are served as models are, but whoever lists models means to ask one. */
const isModel = ({ served }: KnownModel): boolean => !isServiceType(served.type);

/** More than a pool serves; a node that offers other names with each document must not fill the memory. */
const MOST_KNOWN = 10_000;
const RETRY_AFTER_MS = 1_000;

type KnownModel = { served: ServedModel; firstSeenS: number };

/**
 * Every model that was served here since the relay started. One whose nodes are gone stays known, because "nobody can
 * run it now, try later" and "there is no such model" ask different things of a client; of very many the oldest are forgotten.
 * While nodes are expected back after a start, nobody knows what they serve: no name is wrong then.
 */
export function createModelCatalog(
  table: NodeTable,
  now: () => number,
  isExpectingNodes: () => boolean = () => false,
): ModelCatalog {
  const known = new Map<string, KnownModel>();
  let most = MOST_KNOWN;
  table.listen({
    onDocument: ({ served_models }) => {
      for (const served of served_models) {
        const firstSeenS = known.get(served.name)?.firstSeenS ?? Math.floor(now() / 1000);
        known.set(served.name, { served, firstSeenS });
      }
      if (known.size > most) forgetUnserved();
    },
  });
  const forgetUnserved = (): void => {
    for (const name of known.keys()) {
      if (known.size <= MOST_KNOWN) break;
      if (table.serving(name).size === 0) known.delete(name);
    }
    // Where so many are served, not every document is a reason to look at all of them.
    most = Math.max(MOST_KNOWN, 2 * known.size - MOST_KNOWN);
  };
  const find = (id: string, type?: JobType): KnownModel => {
    const model = known.get(id);
    if (model !== undefined) return model;
    if (isExpectingNodes()) throw notKnownYet(id);
    throw new Problem('model_not_found', `There is no model "${id.slice(0, 256)}" here. ${instead(id, type)}`, {
      param: 'model',
    });
  };
  const mayBeServed = (id: string): boolean => !known.has(id) && isExpectingNodes();
  const isServed = ({ served }: KnownModel): boolean => table.serving(served.name).size > 0;
  /** What can be asked at once comes before what waits for its node to return; models of another kind would not help. */
  const instead = (id: string, type: JobType | undefined): string => {
    const any = [...known.values()].filter(isModel);
    if (any.length === 0) return 'No node has offered any yet: join one at /join, or with sparewatt agent.';
    const models = type === undefined ? any : any.filter(({ served }) => served.type === type);
    if (models.length === 0)
      return 'No node has offered one for this work yet: sparewatt models add puts one on a node.';
    const near = (some: KnownModel[]): string[] =>
      nearestNames(
        id,
        some.map(({ served }) => served.name),
      );
    const here = near(models.filter(isServed));
    if (here.length > 0) return `Did you mean ${here.join(' or ')}?`;
    const away = near(models);
    if (away.length > 0) return `Did you mean ${away.join(' or ')}? No node that has it is here now.`;
    return 'GET /v1/models lists those that can be asked now.';
  };
  const describe = ({ served, firstSeenS }: KnownModel): Model => {
    const nodes = table.serving(served.name);
    const warm = [...nodes].some((node) => isWarm(node.document.served_models, served.name));
    return {
      id: served.name,
      object: 'model',
      created: firstSeenS,
      owned_by: served.name.split('/')[0] ?? 'sparewatt',
      status: nodes.size === 0 ? 'unavailable' : warm ? 'warm' : 'installed',
      nodes: nodes.size,
      capabilities: [served.type, ...(served.tasks ?? [])],
      context_length: served.context_length,
    };
  };
  return {
    list: () => [...known.values()].filter((model) => isModel(model) && isServed(model)).map(describe),
    get: (id) => describe(find(id)),
    assertSees: (id, param) => {
      if (mayBeServed(id)) return;
      if (find(id).served.tasks?.includes(READS_PICTURES)) return;
      throw new Problem('unsupported_content', `${id} reads text only. Choose a model that reads pictures.`, { param });
    },
    assertKnown: (id, type) => {
      if (mayBeServed(id)) return;
      const { served } = find(id, type);
      if (served.type === type) return;
      throw new Problem(
        'invalid_value',
        `${id} cannot do this; ask it at ${ADDRESS[served.type] ?? `/v1/capability/${served.type}`}.`,
        {
          param: 'model',
        },
      );
    },
  };
}

function notKnownYet(id: string): Problem {
  const sentence = `Whether there is a model "${id.slice(0, 256)}" is not known yet: the nodes are coming back. Try again in a moment.`;
  return new Problem('no_capacity', sentence, { retryAfterMs: RETRY_AFTER_MS });
}

function isWarm(models: ServedModel[], name: string): boolean {
  return models.some((model) => model.name === name && model.state === 'warm');
}
