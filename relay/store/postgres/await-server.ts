import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { nameOfDatabase } from './connections.ts';

export type AwaitedServer = {
  /** A secret. */
  url: string;
  /** How long the server may take to answer. */
  patienceMs: number;
  /** Milliseconds, monotonic. */
  now: () => number;
  log: { info(facts: object, text: string): void };
};

const LOOK_EVERY_MS = 250;
const CONNECT_TIMEOUT_MS = 5_000;

/** What is met where a server, its machine or the name of it is not there yet; 57P03 is said by one that starts. */
const NOT_YET: ReadonlySet<string> = new Set([
  ...['ECONNREFUSED', 'ECONNRESET', 'EHOSTUNREACH', 'ENETUNREACH', 'ENOENT', 'ENOTFOUND', 'EAI_AGAIN', 'ETIMEDOUT'],
  '57P03',
]);

/**
 * Waits until a server that is started beside the relay answers, whatever it says; whoever opens the database then hears
 * of anything that is wrong with it, and of a server that has not come in time. Never rejects.
 */
export async function awaitServer({ url, patienceMs, now, log }: AwaitedServer): Promise<void> {
  const database = nameOfDatabase(url);
  const startedAt = now();
  for (let isTold = false; ; isTold = true) {
    const reason = await whyNotYet(url);
    const waitedMs = Math.round(now() - startedAt);
    if (reason === undefined && isTold) log.info({ database, waitedMs }, 'the database answers');
    if (reason === undefined || waitedMs >= patienceMs) return;
    if (!isTold) log.info({ database, reason, patienceMs }, 'the database does not answer yet; waiting for it');
    await sleep(Math.min(LOOK_EVERY_MS, patienceMs - waitedMs));
  }
}

/** A code; undefined for a server that answers, be it with a refusal. */
async function whyNotYet(connectionString: string): Promise<string | undefined> {
  const client = new pg.Client({ connectionString, connectionTimeoutMillis: CONNECT_TIMEOUT_MS });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return undefined;
  } catch (error) {
    const { code = '', errors } = error as { code?: string; errors?: { code?: string }[] };
    const codes = [code, ...(errors ?? []).map((one) => one.code ?? '')];
    // Without a code the driver has given up on a line that is silent or broke.
    return code === '' && errors === undefined ? 'no answer' : codes.find((one) => NOT_YET.has(one));
  } finally {
    await client.end().catch(() => undefined);
  }
}
