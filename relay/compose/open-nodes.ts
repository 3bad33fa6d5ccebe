import { randomBytes } from 'node:crypto';
import { createCapabilityView } from '../fabric/documents/capability-view.ts';
import { createDiscovery } from '../fabric/documents/discovery.ts';
import { createDocuments } from '../fabric/documents/documents.ts';
import { createFreshness } from '../fabric/documents/documents-freshness.ts';
import { createModelCatalog } from '../fabric/documents/model-catalog.ts';
import { watchHomecoming } from '../fabric/nodes/homecoming.ts';
import { openNodeAdmin } from '../fabric/nodes/node-admin.ts';
import { createNodeDirectory } from '../fabric/nodes/node-directory.ts';
import { createNodeTable, type NodeTable } from '../fabric/nodes/node-table.ts';
import { keepTimingNodes } from '../fabric/nodes/round-trips.ts';
import { keepSessions } from '../fabric/nodes/sessions.ts';
import { type Miners, openMiners } from '../miners/miners.ts';
import { createNodeControl } from '../pairing/node-control.ts';
import { createPairing } from '../pairing/pairing.ts';
import { BUS_PATH } from '../routes/nodes/enroll.ts';
import { CONVERSATION_SALT } from '../scheduler/affinity.ts';
import { openMeasurements } from '../scheduler/keep-measurements.ts';
import { createScheduler, type Scheduler } from '../scheduler/scheduler.ts';
import type { ServicesOptions } from './services-options.ts';

/** What the relay knows of its nodes, how they come and go, and who chooses among them. */
export async function openNodes(options: ServicesOptions) {
  const { log, store, register } = options;
  const { bus } = options.fabric;
  const nodeAdmin = await openNodeAdmin({ store: store.nodeAdmin, register, now: Date.now });
  const table = createNodeTable(nodeAdmin.standingOf);
  nodeAdmin.onChange(table.setStanding);
  // Before those who empty the table when the bus goes down.
  const homecoming = watchHomecoming({ bus, table });
  table.listen({ onGone: ({ id, heardAt }) => register.noteSeen(id, heardAt) });
  const measurements = await openMeasurements({ store: store.measurements, now: Date.now, log });
  const scheduler = createScheduler(table, { measurements, homecoming });
  const pairing = pairingOf(options);
  const miners = await openMiners({
    ...{ bus, table, register, store: store.miners, now: Date.now, log },
    admit: pairing.admitMiner,
  });
  const { documents, freshness, stop } = hear(options, { table, scheduler, miners });
  const { applyRevocations } = options.fabric;
  const { standingOf } = nodeAdmin;
  const kindOf = (nodeId: string) => (miners.has(nodeId) ? 'http' : 'nats');
  const nodes = {
    ...{ nodeAdmin, table, homecoming, scheduler, pairing, miners, documents, freshness },
    models: createModelCatalog(table, Date.now, () => homecoming.awaited().size > 0),
    directory: createNodeDirectory({ register, table, admin: nodeAdmin, measurements, kindOf, now: Date.now }),
    discovery: createDiscovery({ bus, table, documents, log }),
    capabilities: createCapabilityView({ table, documents, now: Date.now }),
    nodeControl: createNodeControl({
      ...{ register, table, bus, standingOf, applyRevocations, now: Date.now, log },
      onForgotten: (nodeId) => {
        nodeAdmin.forget(nodeId);
        miners.forget(nodeId);
      },
    }),
  };
  const close = async (): Promise<void> => {
    homecoming.stop();
    miners.close();
    stop();
    await measurements.close();
  };
  return { nodes, close };
}

export type OpenNodes = Awaited<ReturnType<typeof openNodes>>['nodes'];

function pairingOf(options: ServicesOptions) {
  return createPairing({
    ...options,
    store: options.store.pairing,
    busPath: BUS_PATH,
    mintNodeCredentials: options.fabric.mintNodeCredentials,
    now: Date.now,
    randomBytes,
  });
}

/** Listens to what nodes say: their sessions, their documents and how far away they are. */
function hear(
  { log, store, fabric: { bus }, register }: ServicesOptions,
  { table, scheduler, miners }: { table: NodeTable; scheduler: Scheduler; miners: Miners },
) {
  const documents = createDocuments();
  const freshness = createFreshness({ bus, table, documents, log });
  const sessions = keepSessions({
    bus,
    table,
    documents,
    freshness,
    publicKeyOf: async (nodeId) => {
      const node = register.get(nodeId);
      if (node?.state !== 'active') return undefined;
      return miners.documentKeyOf(nodeId) ?? node.publicKey;
    },
    nextEpoch: (nodeId) => store.nodes.nextEpoch(nodeId),
    warm: { salt: CONVERSATION_SALT, told: scheduler.warmOn },
    now: Date.now,
    log,
  });
  const roundTrips = keepTimingNodes({ bus, table });
  const stop = (): void => {
    roundTrips.stop();
    sessions.stop();
  };
  return { documents, freshness, stop };
}
