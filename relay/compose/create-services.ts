import { createLifecycle } from '../lifecycle.ts';
import type { RelayServices } from '../services.ts';
import { VERSION } from '../version.ts';
import { openAccess } from './open-access.ts';
import { openNodes } from './open-nodes.ts';
import { openWatch } from './open-watch.ts';
import { openWork } from './open-work.ts';
import type { ServicesOptions } from './services-options.ts';

/** Builds what the routes ask, each part after those that it needs. */
export async function createServices(options: ServicesOptions): Promise<RelayServices & { close(): Promise<void> }> {
  const { log, store, fabric, register, settings, identity, attestationKey, publicUrl } = options;
  const { nodes, close: closeNodes } = await openNodes(options);
  const access = await openAccess(options);
  const { work, onJobEnded, stop: stopWork, close: closeWork } = await openWork(options, nodes, access);
  const { watch, close: closeWatch } = openWatch(options, nodes, work);
  onJobEnded(watch.liveFeed.jobEnded);
  return {
    ...{ version: VERSION, lifecycle: createLifecycle(), settings, log, store, register, publicUrl, attestationKey },
    ...{ bus: fabric.bus, busListener: fabric.listener, relayKey: identity.publicKey },
    ...nodes,
    ...access,
    ...work,
    ...watch,
    close: async () => {
      await closeWatch();
      await stopWork();
      await closeNodes();
      await access.keys.recordUsage();
      await closeWork();
      await register.close();
    },
  };
}
