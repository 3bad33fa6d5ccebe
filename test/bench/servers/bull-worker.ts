import { createRequire } from 'node:module';
import { QUEUE_NAME } from '../bull-queue.ts';

// Does nothing with each job of the queue. Arguments: the file of the library, the port of Redis, how many at a time.
const [library = '', port = '', concurrency = ''] = process.argv.slice(2);
type Worker = { waitUntilReady(): Promise<unknown>; close(): Promise<void> };
type WorkerOptions = { connection: object; concurrency: number };
type Library = { Worker: new (name: string, work: () => Promise<unknown>, options: WorkerOptions) => Worker };

const { Worker } = createRequire(import.meta.url)(library) as Library;
const worker = new Worker(QUEUE_NAME, async () => ({ text: 'ok', finish_reason: 'stop' }), {
  connection: { host: '127.0.0.1', port: Number(port), maxRetriesPerRequest: null },
  concurrency: Number(concurrency),
});
process.once('disconnect', () => void worker.close().finally(() => process.exit(0)));
await worker.waitUntilReady();
process.send?.('ready');
