import type { AppState } from '../../../shared/ipc/app-state.ts';
import { ask } from '../bridge.ts';
import { useSpeech } from '../locale.ts';
import { UpdateButton } from './update-button.tsx';
import { UpdateLine } from './update-line.tsx';

/** An update that is ready or has failed; before there was any, once, whether to look for them. */
export function UpdateNotice({ state }: { state: Pick<AppState, 'update' | 'checksForUpdates'> }) {
  const { update, checksForUpdates } = state;
  if (update.state === 'ready' || update.state === 'failed') {
    return (
      <div className="notice row" {...(update.state === 'failed' ? { 'data-kind': 'warn' } : {})}>
        <span>
          <UpdateLine update={update} />
        </span>
        <UpdateButton update={update} />
      </div>
    );
  }
  return update.state === 'current' && checksForUpdates === 'unasked' ? <UpdateQuestion /> : null;
}

function UpdateQuestion() {
  const { updates } = useSpeech().texts;
  const answer = (checks: boolean): void => void ask('setChecksForUpdates', { checks }).catch(() => undefined);
  return (
    <div className="notice row">
      <span>
        <strong>{updates.question}</strong> {updates.questionWhy}
      </span>
      <span className="actions">
        <button type="button" className="button" onClick={() => answer(true)}>
          {updates.yes}
        </button>
        <button type="button" className="button" onClick={() => answer(false)}>
          {updates.no}
        </button>
      </span>
    </div>
  );
}
