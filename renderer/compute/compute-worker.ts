/** Entry of the worker that holds one model of the desktop app; the host is `worker-table.ts`. */
import { serveWorker } from '../inference/serve-worker.ts';
import { filesAt } from './files-at.ts';

serveWorker(filesAt);
