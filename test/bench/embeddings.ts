import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { sparewatt } from '../support/command.ts';
import { type Figure, figureOf } from './figure.ts';
import { loadOf } from './load.ts';
import type { RelayPool } from './relay-pool.ts';
import { interleave } from './rounds.ts';

const SHIPPED = 'sparewatt/demo-embed';
const SHIPPED_FOLDER = fileURLToPath(new URL(`../../shared/models/${SHIPPED}`, import.meta.url));
const AT_ONCE = 32;
const SECONDS = 2;

/** Embeddings of one short text each: how many more come out when 32 are asked for at once. */
export async function embeddings(pool: RelayPool): Promise<Figure[]> {
  const node = existsSync(SHIPPED_FOLDER) ? await startShippedModel(pool) : undefined;
  const model = node === undefined ? 'test/vectors' : SHIPPED;
  const body = { model, input: 'A spare GPU is an idle graphics card.', encoding_format: 'base64' };
  const rate = (connections: number) => async (): Promise<number> =>
    (await loadOf(pool.embeddings, body, connections, SECONDS)).requestsPerSecond;
  try {
    const sides = await interleave(3, { onePerS: rate(1), atOncePerS: rate(AT_ONCE) });
    const ratio = sides.atOncePerS / sides.onePerS;
    return [figureOf('embeddings-at-once', ratio, 'ratio', { atLeast: 1 }, { model, atOnce: AT_ONCE, ...sides })];
  } finally {
    await node?.();
  }
}

/** A node with the real model; returns how to stop it. */
async function startShippedModel(pool: RelayPool): Promise<() => Promise<void>> {
  const folder = mkdtempSync(join(tmpdir(), 'sparewatt-bench-node-'));
  const args = ['--relay', pool.relayUrl, '--data', folder, '--slots', String(AT_ONCE), '--model', SHIPPED];
  const node = sparewatt(['agent', ...args, '--ready-json', '--log-level', 'warn']);
  await node.firstLine();
  await pool.untilServed(SHIPPED);
  return async () => {
    node.child.kill('SIGTERM');
    await node.exit;
    rmSync(folder, { recursive: true, force: true });
  };
}
