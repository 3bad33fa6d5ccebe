/** A node in a process of its own, whose two models are busy: one computes, the other hangs in the kernel. Says so by message. */
import { createWorkerRuntime } from '../../../main/headless/inference/worker-runtime.ts';
import { chatJob, collectLog, collectOutput, NEVER } from './runtime-fixtures.ts';

const [, , modelFolder = '', computing = '', hanging = ''] = process.argv;
const runtime = await createWorkerRuntime({
  models: [computing, hanging],
  modelFolder,
  cacheFolder: modelFolder,
  preload: false,
  log: collectLog(),
  entry: new URL('./faulty-inference.ts', import.meta.url),
});
const began = Promise.withResolvers<void>();
runtime
  .run(
    chatJob(computing, 'go'),
    collectOutput(() => began.resolve()),
    NEVER,
  )
  .catch(() => undefined);
await runtime.run(chatJob(hanging, 'go', { maxTokens: 1 }), collectOutput(), NEVER);
runtime.run(chatJob(hanging, 'hang'), collectOutput(), NEVER).catch(() => undefined);
await began.promise;
process.send?.('busy');
