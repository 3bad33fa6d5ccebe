/** Answers one chat with the demo model, as a node that has just started would, and prints a line at the first token. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createWorkerRuntime } from '../../../main/headless/inference/worker-runtime.ts';

const MODEL = 'sparewatt/demo-chat';
const modelFolder = fileURLToPath(new URL('../../../shared/models', import.meta.url));
const runtime = await createWorkerRuntime({
  models: [MODEL],
  modelFolder,
  cacheFolder: join(modelFolder, 'none'),
  log: { info: () => undefined, fault: (message) => console.error(message) },
});
const messages = [{ role: 'user' as const, content: 'What is 17 + 25?' }];
const input = { messages, maxTokens: 8, temperature: 0, topP: null, seed: null, stop: [] };
const first = Promise.withResolvers<void>();
const output = { text: () => first.resolve(), toolCall: () => undefined, vectors: () => undefined };
const done = runtime.run({ type: 'llm', model: MODEL, input }, output, new AbortController().signal);
await first.promise;
console.log('first token');
await done;
await runtime.close();
