/** Entry of a web worker that holds one model; the host is `model-thread.ts`. */
import { filesInCache } from './files-in-cache.ts';
import { serveWorker } from './serve-worker.ts';

serveWorker(filesInCache);
