import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { bundleMain, ROOT } from '../../build/desktop/bundle.ts';
import { makeCode } from '../support/pairing.ts';
import { startPool } from '../support/pool.ts';
import { startReadyProcess } from '../support/ready-process.ts';
import { cpuTimeMs } from './cpu-time.ts';
import { type Figure, figureOf } from './figure.ts';

const SETTLE_MS = 5_000;
const WATCH_MS = 30_000;
const AIM_CORE = 0.01;
const AIM_BYTES = 150_000_000;

/**
 * What the bundled main process costs while it is paired, contributes and has nothing to do: on the double of Electron under
 * Node, with no model and no pages. What Electron itself and its other processes take is not in it.
 */
export async function idleApp(): Promise<Figure[]> {
  // Within the repository, where the bundle finds the packages that stay packages.
  const folder = mkdtempSync(join(ROOT, 'dist', 'idle-app-'));
  const pool = await startPool();
  try {
    await bundleMain(folder);
    const { code } = await makeCode(pool.relay);
    const app = await startReadyProcess<string>(new URL('servers/idle-app.ts', import.meta.url), [
      folder,
      code,
      pool.relay.url,
    ]);
    await pause(SETTLE_MS);
    const before = cpuTimeMs(app.pid);
    await pause(WATCH_MS);
    const cores = (cpuTimeMs(app.pid) - before) / WATCH_MS;
    const status = readFileSync(`/proc/${app.pid}/status`, 'utf8');
    const bytes = 1_024 * Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]);
    await app.stop();
    return [
      figureOf(
        'idle-app-main-cpu',
        cores,
        'cores',
        { atMost: AIM_CORE },
        { seconds: WATCH_MS / 1_000, state: app.message },
      ),
      figureOf('idle-app-main-memory', bytes, 'bytes', { atMost: AIM_BYTES }, { state: app.message }),
    ];
  } finally {
    await pool.close();
    rmSync(folder, { recursive: true, force: true });
  }
}
