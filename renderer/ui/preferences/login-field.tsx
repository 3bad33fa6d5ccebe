import type { AppState } from '../../../shared/ipc/app-state.ts';
import { ask } from '../bridge.ts';
import { useSpeech } from '../locale.ts';
import { SwitchField } from './fields.tsx';

export type LoginFieldProps = { startsAtLogin: AppState['startsAtLogin']; hint: string };

/** Whether the app starts at login, as the system says; what is switched takes effect at once. */
export function LoginField({ startsAtLogin, hint }: LoginFieldProps) {
  const words = useSpeech().texts.preferences.app;
  const said = { 'requires-approval': words.loginApproval, unknown: words.loginUnknown };
  return (
    <SwitchField
      label={words.login}
      hint={typeof startsAtLogin === 'boolean' ? hint : said[startsAtLogin]}
      isOn={startsAtLogin === true || startsAtLogin === 'requires-approval'}
      onChange={(starts) => void ask('setStartsAtLogin', { starts }).catch(() => undefined)}
    />
  );
}
