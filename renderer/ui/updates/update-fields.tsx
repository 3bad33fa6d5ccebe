import type { AppState } from '../../../shared/ipc/app-state.ts';
import { ask } from '../bridge.ts';
import { useSpeech } from '../locale.ts';
import { SwitchField } from '../preferences/fields.tsx';
import { UpdateButton } from './update-button.tsx';
import { UpdateLine } from './update-line.tsx';

/** Whether the app looks for updates by itself, and what came of it; nothing where it cannot update itself. */
export function UpdateFields({ state: { update, checksForUpdates } }: { state: AppState }) {
  const { updates } = useSpeech().texts;
  if (update.state === 'off') return null;
  return (
    <>
      <SwitchField
        label={updates.byItself}
        hint={updates.byItselfHint}
        isOn={checksForUpdates === true}
        onChange={(checks) => void ask('setChecksForUpdates', { checks }).catch(() => undefined)}
      />
      <div className="row">
        <p role="status">
          <UpdateLine update={update} />
        </p>
        <UpdateButton update={update} />
      </div>
    </>
  );
}
