/** Entry of the thread that holds the database; its other end is `database-thread.ts`. */
import { workerData } from 'node:worker_threads';
import { saveCompiledCodeSoon } from '../../compiled-code.ts';
import { serveStore } from '../thread/serve-store.ts';
import { type LocalStoreOptions, openLocalStore } from './local-store.ts';

await serveStore(() => openLocalStore(workerData as LocalStoreOptions));
saveCompiledCodeSoon();
