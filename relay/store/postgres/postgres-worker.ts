/** Entry of the thread that speaks with PostgreSQL; its other end is `database-thread.ts`. */
import { workerData } from 'node:worker_threads';
import { serveStore } from '../thread/serve-store.ts';
import { openPostgresRooms, type PostgresOptions } from './postgres-rooms.ts';

await serveStore((onUpgrade) => openPostgresRooms(workerData as PostgresOptions, onUpgrade));
