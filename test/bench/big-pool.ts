import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type AskedProcess, startAskedProcess } from './asked-process.ts';
import type { FleetMember } from './fleet-member.ts';

export type BigRelay = { natsUrl: string; httpUrl: string; apiKey: string; adminToken: string };

/** A relay in one process, many simulated nodes in another, and the real nats-server between them. */
export type BigPool = {
  readonly relay: AskedProcess<BigRelay>;
  readonly fleet: AskedProcess<string>;
  /** Makes the relay know every node, has so many come in one moment, and resolves when each of them has a session. */
  join(upTo: number): Promise<void>;
  stop(): Promise<void>;
};

const POLL_MS = 50;

export async function startBigPool(count: number): Promise<BigPool> {
  const folder = mkdtempSync(join(tmpdir(), 'sparewatt-big-'));
  const file = (name: string): URL => new URL(`servers/${name}.ts`, import.meta.url);
  const relay = await startAskedProcess<BigRelay>(file('relay'), [folder], ['--expose-gc']);
  const fleet = await startAskedProcess<string>(file('fleet'), [String(count), relay.ready.natsUrl, folder]);
  return {
    relay,
    fleet,
    join: async (upTo) => {
      await relay.ask('admit', await fleet.ask<FleetMember[]>('members'));
      await fleet.ask('join', upTo);
      while ((await relay.ask<number>('live')) < upTo) await pause(POLL_MS);
    },
    stop: async () => {
      await fleet.stop();
      await relay.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
