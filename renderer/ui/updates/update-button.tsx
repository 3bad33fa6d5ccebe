import type { AppState } from '../../../shared/ipc/app-state.ts';
import { ask } from '../bridge.ts';
import { useSpeech } from '../locale.ts';

/** The next thing that a person can do about updates. */
export function UpdateButton({ update }: { update: AppState['update'] }) {
  const { updates } = useSpeech().texts;
  const isReady = update.state === 'ready';
  const isBusy = update.state === 'looking' || update.state === 'fetching' || (isReady && update.isWanted);
  return (
    <button
      type="button"
      className="button"
      disabled={isBusy}
      onClick={() => void ask(isReady ? 'installUpdate' : 'checkForUpdates').catch(() => undefined)}
    >
      {isReady ? updates.install : updates.lookNow}
    </button>
  );
}
