import { setImmediate as nextTurn } from 'node:timers/promises';
import type {
  CapabilityFlags,
  CapabilityNode,
  GlobalCapabilities,
  InstalledModels,
} from '../../../shared/api/capabilities.ts';
import type { NodeLoad } from '../../../shared/protocol/capabilities.ts';
import { createSortedIds } from '../../pairing/sorted-ids.ts';
import type { LiveNode, NodeTable } from '../nodes/node-table.ts';
import type { Documents } from './documents.ts';

/** The pool as its nodes describe it. Asks nobody; what the documents of the open sessions say. */
export type CapabilityView = {
  global(): Promise<GlobalCapabilities>;
  /** The same of some nodes, by id. */
  page(query: { limit: number; after?: string | undefined }): Promise<GlobalCapabilities>;
  flags(): Promise<CapabilityFlags>;
  installed(): Promise<InstalledModels>;
};

type ServedModel = GlobalCapabilities['served_models'][number];

export type ViewPorts = { table: NodeTable; documents: Documents; now: () => number };

/** The relay serves no models, so that none of them is local. */
const LOCAL_NODE = 'relay';
/** Nodes described before others get their turn: about a millisecond. */
const NODES_PER_TURN = 200;

export function createCapabilityView({ table, documents, now }: ViewPorts): CapabilityView {
  const ageOf = (node: LiveNode): number => {
    const ageMs = documents.ageMs(node.document);
    // One that has run out is as old as its last beat; JSON has no infinity.
    return roundTenth((Number.isFinite(ageMs) ? ageMs : now() - node.heardAt) / 1_000);
  };
  const ids = createSortedIds();
  table.listen({
    onDocument: ({ node_id }) => ids.add(node_id),
    onGone: ({ id }) => {
      if (table.get(id) === undefined) ids.remove(id);
    },
  });
  const liveOf = (some: readonly string[]): LiveNode[] => some.flatMap((id) => table.get(id) ?? []);
  const view = async (some: LiveNode[], next: string | null): Promise<GlobalCapabilities> => {
    const nodes: GlobalCapabilities['nodes'] = {};
    const byNode: GlobalCapabilities['capabilities_by_node'] = {};
    const byModel = new Map<string, ServedModel[]>();
    await inTurns(some, (node) => {
      const age = ageOf(node);
      nodes[node.id] = describe(node, age);
      const { providers: _, ...flags } = node.document.capabilities;
      byNode[node.id] = flags;
      for (const model of node.document.served_models) {
        const served = byModel.get(model.name) ?? [];
        served.push({ ...model, in_use: jobsOn(node, model.name), node: node.id, local: false, node_age_s: age });
        byModel.set(model.name, served);
      }
    });
    // By name, then by node: to sort them all would take as long as all the rest of it, in one turn.
    const served = [...byModel.keys()].sort().flatMap((name) => byModel.get(name) ?? []);
    return {
      local_node: LOCAL_NODE,
      nodes,
      served_models: served,
      served_count: served.length,
      capabilities_by_node: byNode,
      node_count: Object.keys(nodes).length,
      next,
      updated_at: timestamp(now()),
      documents: documents.counts(),
    };
  };
  return {
    global: () => view(liveOf(ids.all), null),
    page: ({ limit, after = '' }) => {
      const from = ids.countUpTo(after);
      const to = from + limit;
      return view(liveOf(ids.all.slice(from, to)), to < ids.all.length ? (ids.all[to - 1] ?? null) : null);
    },
    flags: async () => {
      // A node may call a flag like something that every object has.
      const nodesWith = new Map<string, string[]>();
      const providers: CapabilityFlags['providers'] = {};
      const known = new Set<string>();
      await inTurns(table.live(), ({ id, document }) => {
        const { providers: own, ...flags } = document.capabilities;
        providers[id] = own;
        for (const [name, has] of Object.entries(flags)) {
          known.add(name);
          if (has !== true) continue;
          const nodes = nodesWith.get(name) ?? [];
          nodes.push(id);
          nodesWith.set(name, nodes);
        }
      });
      const capabilities = Object.fromEntries([...known].map((name) => [name, nodesWith.has(name)]));
      return { capabilities, nodes_with: Object.fromEntries(nodesWith), providers, updated_at: timestamp(now()) };
    },
    installed: async () => {
      const installed: InstalledModels['installed'] = [];
      await inTurns(table.live(), ({ id, document }) => {
        const found = document.installed_artifacts ?? document.served_models.map(artifactOf);
        for (const artifact of found) installed.push({ ...artifact, node: id });
      });
      return { installed, installed_count: installed.length, updated_at: timestamp(now()) };
    },
  };
}

function describe(node: LiveNode, age: number): CapabilityNode {
  const { document, roundTripMs } = node;
  return {
    node_id: document.node_id,
    served_count: document.served_models.length,
    installed_count: document.installed_count,
    capabilities: document.capabilities,
    node_load: loadOf(node),
    age_s: age,
    revision: document.revision,
    issued_at: document.issued_at ?? null,
    expires_at: document.expires_at ?? null,
    hardware: document.hardware,
    software: document.software ?? null,
    tools: document.tools ?? {},
    network: {
      transport: document.network?.transport ?? null,
      round_trip_ms: roundTripMs === null ? null : roundTenth(roundTripMs),
    },
  };
}

/** A model may be called like something that every object has. */
function jobsOn({ inUse = {} }: LiveNode, model: string): number {
  return Object.hasOwn(inUse, model) ? (inUse[model] ?? 0) : 0;
}

/** From its beats: what is not signed is believed on a subject that the node alone can write to. */
export function loadOf({ slots, used, inUse }: LiveNode): NodeLoad {
  const load = { slots_total: slots, slots_used: used };
  return inUse === undefined ? load : { ...load, in_use: inUse };
}

function artifactOf({ name, size_bytes }: { name: string; size_bytes: number }) {
  return { name, size_bytes, files: 0 };
}

async function inTurns(nodes: LiveNode[], visit: (node: LiveNode) => void): Promise<void> {
  for (const [index, node] of nodes.entries()) {
    if (index > 0 && index % NODES_PER_TURN === 0) await nextTurn();
    visit(node);
  }
}

function roundTenth(value: number): number {
  return Math.round(value * 10) / 10;
}

function timestamp(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}
