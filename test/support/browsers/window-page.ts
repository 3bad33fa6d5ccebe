import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { Page } from 'playwright-core';
import { PAGES } from '../../../build/build-pages.ts';
import { bundlePreloads } from '../../../build/desktop/bundle.ts';
import type { NodeParts } from '../../../main/boot/desktop-host.ts';
import type { StartAgent } from '../../../main/node/node-host.ts';
import { buildCapabilityDocument } from '../../../shared/agent/capability-document.ts';
import type { WitnessedJob } from '../../../shared/agent/job-witness.ts';
import { Problem } from '../../../shared/problems/problem.ts';
import {
  type Desktop,
  type DesktopOptions,
  type PlayedPage,
  playComputePages,
  startDesktop,
} from '../desktop/desktop.ts';
import { type ChromiumRenderer, createChromiumRenderer } from '../desktop/electron-double/chromium-renderer.ts';
import type { ElectronHands } from '../desktop/electron-double/electron-double.ts';
import { type Browsers, createBrowsers } from './browsers.ts';

/** The window of the app as its person sees it: the real main process, preload and page; the test plays the relay. */
export type WindowPage = {
  desktop: Desktop;
  page: Page;
  compute: PlayedPage;
  renderer: ChromiumRenderer;
  /** As the node runs jobs: with the owner's word before each, where they want that. */
  runtime: NodeParts['runtime'];
  /** What the page threw, or its policy refused. */
  faults(): string[];
  /** As the relay would: a job begins on this machine. */
  begin(job: Partial<WitnessedJob>): void;
  produce(job: string, tokens: number): void;
};

export const GOOD_CODE = 'K7QF-2M9X-HB4T';
export const RELAY_URL = 'http://relay.example:8080';

/** What the windows of a test file have in common. */
export type Preloads = { folder: string; browsers: Browsers; remove(): Promise<void> };

/** Built once for a test file; give it to `openWindow` and call `remove` at the end. */
export async function buildPreloads(): Promise<Preloads> {
  const folder = mkdtempSync(join(tmpdir(), 'sparewatt-window-'));
  const browsers = createBrowsers();
  await bundlePreloads(folder);
  const remove = async (): Promise<void> => {
    await browsers.close();
    rmSync(folder, { recursive: true, force: true });
  };
  return { folder: join(folder, 'preload'), browsers, remove };
}

/** Opens the window of an app that has its own folder. */
export async function openWindow(
  t: TestContext,
  { folder: preloads, browsers }: Preloads,
  options: DesktopOptions = {},
): Promise<WindowPage> {
  let hands: ElectronHands | undefined;
  let parts: NodeParts | undefined;
  let renderer: ChromiumRenderer | undefined;
  let compute: PlayedPage | undefined;
  const { startAgent = pretendedAgent, ...more } = options;
  const desktop = await startDesktop(t, {
    now: Date.now,
    folders: { pages: PAGES.output, preloads, icons: preloads, models: preloads },
    startAgent: (given) => {
      parts = given;
      return startAgent(given);
    },
    ...more,
    before: (given) => {
      hands = given;
      renderer = createChromiumRenderer(() => given, browsers);
      given.renderer = renderer;
      compute = playComputePages(given);
    },
  });
  t.after(() => renderer?.close());
  assert.ok(hands && renderer && compute && parts);
  const { runtime } = parts;
  const page = await pageOf(renderer, desktop).catch((error: unknown) => {
    throw new Error(`no window: ${renderer?.faults.join()}`, { cause: error });
  });
  const { faults } = renderer;
  return {
    desktop,
    page,
    compute,
    renderer,
    runtime,
    faults: () => faults.filter((fault) => !/404/.test(fault)),
    ...pretendedJobs(parts, more.now ?? Date.now),
  };
}

/** Jobs that run until the owner takes the machine back without waiting for them; the node then hands them back at once. */
function pretendedJobs({ witness, policy }: NodeParts, now: () => number): Pick<WindowPage, 'begin' | 'produce'> {
  const running: WitnessedJob[] = [];
  policy.onChange(() => {
    if (policy.isOpen() || policy.finishesRunning()) return;
    for (const job of running.splice(0)) {
      witness.ended(job, { outcome: 'handed_back', usage: undefined, totalMs: now() - job.startedAt });
    }
  });
  return {
    begin: (changes) => {
      const job = { ...JOB, ...changes };
      running.push(job);
      witness.began(job);
    },
    produce: witness.produced,
  };
}

const JOB = { job: 'job_1', attempt: 1, type: 'llm' as const, model: 'test/model', client: 'key_4f1c', startedAt: 0 };

async function pageOf(renderer: ChromiumRenderer, desktop: Desktop): Promise<Page> {
  const { promise, resolve } = Promise.withResolvers<Page>();
  const look = (): void => {
    try {
      resolve(renderer.page(desktop.ui()));
    } catch {
      setTimeout(look, 20);
    }
  };
  look();
  const page = await promise;
  await page.waitForLoadState('load');
  // A machine that does much else takes its time; what never comes is told as late as that.
  page.setDefaultTimeout(60_000);
  await page.locator('.window').waitFor();
  return page;
}

/** A relay that knows one code. */
function pretendedAgent(parts: NodeParts): StartAgent {
  return async ({ invitation }) => {
    const isLetIn = invitation === undefined || invitation.code.replaceAll('-', '') === GOOD_CODE.replaceAll('-', '');
    const refusal = new Problem('pairing_code_invalid', 'The relay does not know this code. Ask for a new one.');
    const { promise: ended, resolve: end } = Promise.withResolvers<Problem | undefined>();
    if (!isLetIn) end(refusal);
    return {
      ready: isLetIn ? Promise.resolve('attic-k3vxq2mzla') : new Promise<never>(() => undefined),
      ended,
      hasSession: () => isLetIn,
      trouble: () => undefined,
      capabilities: async () => documentOf(parts),
      records: async () => ({ receipts: [], credits: [], creditsNext: null, relayKey: 'N' }),
      close: async () => end(undefined),
    };
  };
}

async function documentOf({ runtime, policy, version, slots, ...parts }: NodeParts) {
  const hardware = (await parts.hardware())();
  const document = buildCapabilityDocument({
    nodeId: 'attic-k3vxq2mzla',
    version,
    revision: 3,
    instance: 'instance',
    models: runtime.models(),
    slots: { total: slots(), used: () => 0 } as never,
    hardware,
    policy: policy.shown(),
    issuedAt: Date.now(),
  });
  return { ...document, signature: 'signed' };
}
