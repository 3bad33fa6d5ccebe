import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { startDesktopAgent } from '../../../main/node/start-desktop-agent.ts';
import type { PairingCode } from '../../../shared/api/pairing.ts';
import { DEFAULT_PREFERENCES, type Preferences } from '../../../shared/preferences/preferences.ts';
import type { CapabilityDocument } from '../../../shared/protocol/capabilities.ts';
import { makeCode } from '../pairing.ts';
import type { Pool } from '../pool.ts';
import { until } from '../until.ts';
import {
  type Desktop,
  type DesktopOptions,
  type PlayedPage,
  playComputePages,
  SETTLED,
  startDesktop,
} from './desktop.ts';

export type PairedDesktop = {
  desktop: Desktop;
  page: PlayedPage;
  /** Changes what the owner wants, as the window does. */
  prefer(changes: Partial<Preferences>): Promise<void>;
  /** What it tells its relay of itself. */
  document(): Promise<CapabilityDocument>;
};

/** The app with a real relay: paired by code, contributing, and the test plays the page that computes. */
export async function pairDesktop(
  t: TestContext,
  pool: Pool,
  { preferences = {}, ...options }: DesktopOptions & { preferences?: Partial<Preferences> } = {},
): Promise<PairedDesktop> {
  let page: PlayedPage | undefined;
  const stored = { ...SETTLED, preferences: { ...DEFAULT_PREFERENCES, ...preferences } };
  const desktop = await startDesktop(t, {
    stored,
    before: (hands) => {
      page = playComputePages(hands);
    },
    startAgent: startDesktopAgent,
    hostName: `attic-${Math.random().toString(36).slice(2, 8)}`,
    ...options,
  });
  assert.ok(page);
  const { code } = (await makeCode(pool.relay)) as PairingCode & { code: string };
  const { relay } = await desktop.ask('pair', { invitation: code, relayUrl: pool.relay.url });
  assert.ok(relay.state === 'connected');
  return {
    desktop,
    page,
    prefer: async (changes) => {
      await desktop.ask('setPreferences', { ...(await desktop.ask('getPreferences')), ...changes });
    },
    document: async () => {
      const document = await desktop.ask('getCapabilities');
      assert.ok(document);
      return document;
    },
  };
}

/** Waits until the pool offers exactly these models, in any order. */
export async function offers(pool: Pool, models: readonly string[]): Promise<void> {
  const wanted = [...models].sort().join();
  await until(async () => {
    const { data } = (await (await pool.request('/v1/models')).json()) as { data: { id: string }[] };
    const found = data.map(({ id }) => id).sort();
    return found.join() === wanted;
  });
}
