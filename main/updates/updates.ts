import type { AgentLog } from '../../shared/agent/log.ts';
import type { UpdateState } from '../../shared/ipc/app-state.ts';

/** What the policy needs of electron-updater; `electron-updates.ts` is the real one. */
export type Updater = {
  /** The host that is asked. */
  readonly feed: string;
  /** The version that is newer than this one; undefined when this is the newest. */
  look(): Promise<string | undefined>;
  /** Downloads and verifies what was found last. */
  download(): Promise<void>;
  /** Ends the app and installs; `onFailed` is called when the app goes on instead. */
  install(onFailed: (error: Error) => void): void;
};

export type UpdatesOptions = {
  /** Absent where the app cannot update itself, as in a development checkout. */
  updater: Updater | undefined;
  isBusy(): boolean;
  /** Whether the app may look by itself now. */
  isAllowed(): boolean;
  /** Called before the feed is asked for anything. */
  onAsk(feed: string): void;
  now: () => number;
  onChange(): void;
  log: AgentLog;
};

export type Updates = {
  state(): UpdateState;
  /** Whether the app ends to be installed anew: its windows may not stay open then. */
  isInstalling(): boolean;
  /** Looks because somebody asks. */
  check(): Promise<void>;
  /** Looks if it is time and the owner lets it; called as often as anybody likes. */
  tick(): void;
  /** Installs what is ready; false while a job runs, and then it is done when none does. */
  install(): boolean;
};

type Failed = Extract<UpdateState, { state: 'failed' }>;

const CHECK_EVERY_MS = 6 * 3_600_000;
/** Of what an updater says: its first line says why, the next ones are headers and a page of the server. */
const REASON_MOST_CHARACTERS = 200;

/**
 * When the app updates itself. Invariants: (1) nothing is installed while a job runs; (2) nothing is asked of the feed
 * unless the owner lets it or asks, and each question is told before it leaves; (3) nothing is installed unless a person
 * asks, or quits; (4) what fails is told.
 */
export function createUpdates({ updater, isBusy, isAllowed, onAsk, now, onChange, log }: UpdatesOptions): Updates {
  let state: UpdateState = updater === undefined ? { state: 'off' } : { state: 'current', checkedAt: null };
  let lastCheckAt = Number.NEGATIVE_INFINITY;
  let isInstalling = false;
  const tell = (next: UpdateState): void => {
    state = next;
    onChange();
  };
  const failed = (step: Failed['step'], version: string | null, error: unknown): void => {
    const reason = reasonOf(error);
    log.warn({ step, reason }, 'an update failed');
    tell({ state: 'failed', step, version, reason, at: now() });
  };
  const fetchNewer = async (feed: Updater): Promise<void> => {
    let version: string | null = null;
    try {
      tell({ state: 'looking' });
      onAsk(feed.feed);
      version = (await feed.look()) ?? null;
      if (version === null) {
        tell({ state: 'current', checkedAt: now() });
        return;
      }
      tell({ state: 'fetching', version });
      onAsk(feed.feed);
      await feed.download();
      tell({ state: 'ready', version, isWanted: false });
    } catch (error) {
      failed(version === null ? 'look' : 'fetch', version, error);
    }
  };
  const check = async (): Promise<void> => {
    if (updater === undefined || ['looking', 'fetching', 'ready'].includes(state.state)) return;
    lastCheckAt = now();
    await fetchNewer(updater);
  };
  const installIfIdle = (): boolean => {
    if (updater === undefined || state.state !== 'ready' || isInstalling || isBusy()) return false;
    const { version } = state;
    const notInstalled = (error: unknown): void => {
      isInstalling = false;
      failed('install', version, error);
    };
    isInstalling = true;
    try {
      updater.install(notInstalled);
    } catch (error) {
      notInstalled(error);
    }
    return isInstalling;
  };
  return {
    state: () => state,
    isInstalling: () => isInstalling,
    check,
    tick: () => {
      if (state.state === 'ready' && state.isWanted) installIfIdle();
      if (isAllowed() && now() - lastCheckAt >= CHECK_EVERY_MS) void check();
    },
    install: () => {
      if (state.state === 'ready' && !state.isWanted) tell({ ...state, isWanted: true });
      return installIfIdle();
    },
  };
}

function reasonOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return (text.split('\n')[0] ?? '').slice(0, REASON_MOST_CHARACTERS);
}
