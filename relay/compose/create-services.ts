import { closeAll } from '../close-all.ts';
import { createLifecycle } from '../lifecycle.ts';
import type { RelayServices } from '../services.ts';
import { VERSION } from '../version.ts';
import { openAccess } from './open-access.ts';
import { openNodes } from './open-nodes.ts';
import { openWatch } from './open-watch.ts';
import { openWork } from './open-work.ts';
import type { ServicesOptions } from './services-options.ts';

/** Builds what the routes ask, each part after those that it needs. What is open when one fails is closed again. */
export async function createServices(options: ServicesOptions): Promise<RelayServices & { close(): Promise<void> }> {
  const { log, store, fabric, register, settings, identity, attestationKey, publicUrl } = options;
  /** Those that were opened last come last: work ends before the nodes that do it are let go of. */
  const closers: (() => Promise<void>)[] = [() => register.close()];
  const close = (): Promise<void> => closeAll(closers.splice(0).reverse(), log);
  try {
    const access = await openAccess(options);
    closers.push(() => access.keys.recordUsage());
    const { nodes, close: closeNodes } = await openNodes(options);
    closers.push(closeNodes);
    const { work, onJobEnded, stop: stopWork, close: closeWork } = await openWork(options, nodes, access);
    closers.splice(1, 0, closeWork);
    closers.push(stopWork);
    const { watch, close: closeWatch } = openWatch(options, nodes, work);
    closers.push(closeWatch);
    onJobEnded(watch.liveFeed.jobEnded);
    access.budgetNews.listen(watch.liveFeed.budgetReached);
    access.budgetNews.listen(work.metrics.softBudgetReached);
    return {
      ...{ version: VERSION, lifecycle: createLifecycle(), settings, log, store, register, publicUrl, attestationKey },
      ...{ bus: fabric.bus, busListener: fabric.listener, relayKey: identity.publicKey },
      ...nodes,
      ...access,
      ...work,
      ...watch,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}
