import { setImmediate as nextTurn } from 'node:timers/promises';
import { Cluster } from '../../../shared/api/cluster.ts';
import type { NodeSummary } from '../../../shared/api/nodes.ts';
import type { RelayApp, RelayServices } from '../../services.ts';
import { sendBody, shareJson } from '../http/shared-json.ts';

const SECONDS_PER_MINUTE = 60;
/** About a millisecond. */
const NODES_PER_TURN = 100;

type ClusterNode = Cluster['nodes'][number];

/** `GET /v1/cluster`: nodes, models and load in one flat document, for scripts and wall screens. */
export function registerClusterRoute(app: RelayApp, services: RelayServices): void {
  const read = shareJson(() => readCluster(services));
  app.get(
    '/v1/cluster',
    {
      config: { access: 'catalog' },
      schema: {
        summary: 'The pool at one look: nodes, models, slots and load',
        tags: ['Nodes'],
        response: { 200: Cluster },
      },
    },
    async (_request, reply) => sendBody(reply, await read()),
  );
}

/** In turns of some nodes each: all together are a tenth of a second with ten thousand. */
async function readCluster(services: RelayServices): Promise<Cluster> {
  const { activity } = services;
  const nodes: ClusterNode[] = [];
  for (let after: string | null | undefined; after !== null; ) {
    const page = services.directory.list({ limit: NODES_PER_TURN, after });
    for (const summary of page.data) nodes.push(nodeOf(summary, services));
    after = page.next;
    if (after !== null) await nextTurn();
  }
  const { running, waiting, queued } = services.countJobs();
  return {
    nodes_known: nodes.length,
    nodes_ready: nodes.filter(({ status }) => status === 'ready').length,
    slots: sumOf(nodes.map(({ slots }) => slots)),
    slots_used: sumOf(nodes.map(({ slots_used }) => slots_used)),
    jobs_running: running,
    jobs_waiting: waiting + queued,
    tokens_per_second: activity.lastMinute(Date.now()).output_tokens / SECONDS_PER_MINUTE,
    nodes,
    models: modelsOf(nodes),
  };
}

/** Of a node that is not here nobody knows how many slots it has, or how far it is. */
function nodeOf(
  { id, name, status, slots, models }: NodeSummary,
  { directory, table }: Pick<RelayServices, 'directory' | 'table'>,
): ClusterNode {
  const live = table.get(id);
  const record = directory.recordOf(id);
  const { gpus, webgpu } = live?.document.hardware ?? {};
  return {
    id,
    name,
    status,
    slots: live === undefined ? null : slots.total,
    slots_used: live === undefined ? null : slots.used,
    models: live === undefined ? [] : models.map((model) => model.name),
    // A browser's page knows no card, but what it computes with.
    gpu: gpus?.[0]?.name ?? webgpu?.adapter ?? null,
    round_trip_ms: live?.roundTripMs ?? null,
    tokens_per_s: Object.fromEntries(
      record.models.flatMap(({ model, tokens_per_s: speed }) => (speed === null ? [] : [[model, speed]])),
    ),
    attempts: record.attempts,
  };
}

function modelsOf(nodes: readonly ClusterNode[]): Cluster['models'] {
  const found = new Map<string, { nodes: number; slots: number }>();
  for (const { models, slots } of nodes) {
    for (const id of new Set(models)) {
      const so = found.get(id) ?? { nodes: 0, slots: 0 };
      found.set(id, { nodes: so.nodes + 1, slots: so.slots + (slots ?? 0) });
    }
  }
  return [...found].map(([id, counts]) => ({ id, ...counts })).sort((a, b) => (a.id < b.id ? -1 : 1));
}

function sumOf(counts: readonly (number | null)[]): number {
  return counts.reduce<number>((sum, count) => sum + (count ?? 0), 0);
}
