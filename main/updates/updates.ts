import type { AgentLog } from '../../shared/agent/log.ts';
import type { UpdateState } from '../../shared/ipc/app-state.ts';

/** What the policy needs of electron-updater; `electron-updates.ts` is the real one. */
export type Updater = {
  /** The version that was downloaded and verified; undefined when this one is the newest. */
  fetchNewer(): Promise<string | undefined>;
  /** Ends the app and installs. */
  install(): void;
};

export type UpdatesOptions = {
  /** Absent where the app cannot update itself, as in a development checkout. */
  updater: Updater | undefined;
  isBusy(): boolean;
  /** Whether the owner lets the app look by itself. */
  isAllowed(): boolean;
  now: () => number;
  onChange(): void;
  log: AgentLog;
};

export type Updates = {
  state(): UpdateState;
  /** Looks because somebody asks. */
  check(): Promise<void>;
  /** Looks if it is time and the owner lets it; called as often as anybody likes. */
  tick(): void;
  /** Installs what is ready; false while a job runs, and then it is done when none does. */
  install(): boolean;
};

const CHECK_EVERY_MS = 6 * 3_600_000;

/**
 * When the app updates itself. Invariants: (1) nothing is installed while a job runs; (2) nothing is asked of the feed
 * unless the owner lets it or asks; (3) nothing is installed unless a person asks, or quits; (4) what fails is told.
 */
export function createUpdates({ updater, isBusy, isAllowed, now, onChange, log }: UpdatesOptions): Updates {
  let state: UpdateState = updater === undefined ? { state: 'off' } : { state: 'current', checkedAt: null };
  let lastCheckAt = Number.NEGATIVE_INFINITY;
  let isChecking = false;
  let isInstallWanted = false;
  const tell = (next: UpdateState): void => {
    state = next;
    onChange();
  };
  const check = async (): Promise<void> => {
    if (updater === undefined || isChecking || state.state === 'ready') return;
    isChecking = true;
    lastCheckAt = now();
    try {
      const version = await updater.fetchNewer();
      tell(version === undefined ? { state: 'current', checkedAt: now() } : { state: 'ready', version });
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      log.warn({ reason }, 'looking for an update failed');
      tell({ state: 'failed', detail: `Looking for an update failed: ${reason}`, at: now() });
    } finally {
      isChecking = false;
    }
  };
  const installIfIdle = (): boolean => {
    if (updater === undefined || state.state !== 'ready' || isBusy()) return false;
    isInstallWanted = false;
    updater.install();
    return true;
  };
  return {
    state: () => state,
    check,
    tick: () => {
      if (isInstallWanted) installIfIdle();
      if (isAllowed() && now() - lastCheckAt >= CHECK_EVERY_MS) void check();
    },
    install: () => {
      isInstallWanted = state.state === 'ready';
      return installIfIdle();
    },
  };
}
