import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { installPackage, mayInstallPackages } from '../support/debian-package.ts';
import { freePort } from '../support/network/free-port.ts';
import { startReadyProcess } from '../support/ready-process.ts';
import { findProgram } from './find-program.ts';

/** BullMQ on a Redis that keeps nothing on the disk, with its worker in a process of its own. */
export type BullQueue = {
  /** Adds a job and resolves with what the worker returned. */
  run(data: unknown): Promise<unknown>;
  stop(): Promise<void>;
};

type Job = { waitUntilFinished(events: QueueEvents): Promise<unknown> };
type Emitter = { setMaxListeners(count: number): void; close(): Promise<void> };
type Queue = Emitter & { add(name: string, data: unknown): Promise<Job> };
type QueueEvents = Emitter & { waitUntilReady(): Promise<unknown> };
type Connection = { host: string; port: number };
type BullMq = {
  Queue: new (name: string, options: { connection: Connection; defaultJobOptions: object }) => Queue;
  QueueEvents: new (name: string, options: { connection: Connection }) => QueueEvents;
};

export const QUEUE_NAME = 'bench';
/** What ended long ago is let go of, as every user of it must configure. */
const KEPT_JOBS = 1_000;

/** Why there is nothing to compare with here, and what to do; undefined where there is. Installs Debian's Redis if it may. */
export function whyNoBullQueue(): string | undefined {
  if (findBullMq() === undefined) {
    return (
      'BullMQ is not installed: "npm install --no-save --prefix DIR bullmq ioredis" in a folder DIR of its own, ' +
      'and set BENCH_BULLMQ_DIR=DIR'
    );
  }
  if (findProgram('redis-server') === undefined && mayInstallPackages()) {
    console.error('No Redis found: installing the package "redis-server" with apt-get.');
    installPackage('redis-server');
  }
  return findProgram('redis-server') === undefined ? 'Redis is not installed (Debian: redis-server)' : undefined;
}

/** The file of the library, among this project's packages or those of `BENCH_BULLMQ_DIR`. */
function findBullMq(): string | undefined {
  const folders = [import.meta.url, ...(process.env.BENCH_BULLMQ_DIR ? [`${process.env.BENCH_BULLMQ_DIR}/`] : [])];
  for (const folder of folders) {
    try {
      return createRequire(folder).resolve('bullmq');
    } catch {
      // Looked for in the next one.
    }
  }
  return undefined;
}

/** So many jobs at a time in the worker. Throws where `whyNoBullQueue` says why. */
export async function startBullQueue(concurrency: number): Promise<BullQueue> {
  const library = findBullMq();
  if (library === undefined) throw new Error(whyNoBullQueue());
  const redis = await startRedis();
  const connection = { host: '127.0.0.1', port: redis.port };
  const args = [library, String(redis.port), String(concurrency)];
  const worker = await startReadyProcess(new URL('servers/bull-worker.ts', import.meta.url), args);
  const { Queue, QueueEvents } = createRequire(import.meta.url)(library) as BullMq;
  const defaultJobOptions = { removeOnComplete: { count: KEPT_JOBS } };
  const queue = new Queue(QUEUE_NAME, { connection, defaultJobOptions });
  const events = new QueueEvents(QUEUE_NAME, { connection });
  // Each job that is waited for listens to both.
  for (const emitter of [queue, events]) emitter.setMaxListeners(0);
  await events.waitUntilReady();
  return {
    run: async (data) => (await queue.add('noop', data)).waitUntilFinished(events),
    stop: async () => {
      await worker.stop();
      await Promise.all([queue.close(), events.close()]);
      await redis.stop();
    },
  };
}

async function startRedis(): Promise<{ port: number; stop(): Promise<void> }> {
  const folder = mkdtempSync(join(tmpdir(), 'sparewatt-redis-'));
  const port = await freePort();
  const settings = ['--bind', '127.0.0.1', '--port', String(port), '--save', '', '--appendonly', 'no', '--dir', folder];
  const server = spawn(findProgram('redis-server') ?? '', settings, { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(server, 'exit');
  await untilSaid(server.stdout, 'Ready to accept connections');
  return {
    port,
    stop: async () => {
      server.kill();
      await exited;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function untilSaid(output: Readable, words: string): Promise<void> {
  let text = '';
  for await (const chunk of output.iterator({ destroyOnReturn: false })) {
    text += chunk;
    if (text.includes(words)) break;
  }
  output.resume();
}
