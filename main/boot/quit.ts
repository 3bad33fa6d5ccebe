import type { AgentLog } from '../../shared/agent/log.ts';
import type { ElectronSurface } from '../surface.ts';

export type QuitOptions = {
  app: Pick<ElectronSurface['app'], 'on' | 'quit' | 'exit'>;
  /** Ends jobs so that the relay hears of it. */
  handBack(): void;
  runningJobs(): number;
  close(): Promise<void>;
  /** The same, with all that needs no waiting done when it returns. */
  closeNow(): Promise<void>;
  log: AgentLog;
};

export type Quit = {
  isQuitting(): boolean;
  now(): void;
  /** For a system that ends the process as soon as it has been told: what can be lost is safe when this returns. */
  atOnce(): void;
};

/** Handing back takes a turn or two; a job that hangs must not keep the machine from shutting down. */
const HAND_BACK_WITHIN_MS = 2_000;
const CLOSE_WITHIN_MS = 4_000;
const LOOK_EVERY_MS = 25;

/**
 * Ends the app in order: jobs are handed back while the relay still hears it, then everything is closed, and at the latest
 * after six seconds the process ends anyway. Invariant: that happens once, however often and by whomever it is asked.
 */
export function quitGently({ app, handBack, runningJobs, close, closeNow, log }: QuitOptions): Quit {
  let state: 'running' | 'closing' | 'closed' = 'running';
  const failed = (err: unknown): void => log.error({ err }, 'closing failed');
  const closeAll = async (): Promise<void> => {
    handBack();
    const deadline = performance.now() + HAND_BACK_WITHIN_MS;
    while (runningJobs() > 0 && performance.now() < deadline) await pause(LOOK_EVERY_MS);
    const result = await Promise.race([close().then(() => 'closed'), pause(CLOSE_WITHIN_MS).then(() => 'late')]);
    if (result === 'late') log.error({}, 'closing took too long');
  };
  app.on('before-quit', (event) => {
    if (state === 'closed') return;
    event.preventDefault();
    if (state === 'closing') return;
    state = 'closing';
    void closeAll()
      .catch(failed)
      .then(() => {
        state = 'closed';
        app.quit();
      });
  });
  const atOnce = (): void => {
    if (state === 'closed') return;
    state = 'closed';
    try {
      handBack();
      closeNow().catch(failed);
    } catch (error) {
      failed(error);
    }
    app.quit();
  };
  return { isQuitting: () => state !== 'running', now: () => app.quit(), atOnce };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms).unref();
  });
}
