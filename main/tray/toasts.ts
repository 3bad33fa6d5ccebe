import type { AppState } from '../../shared/ipc/app-state.ts';
import { reasonInFull } from '../../shared/preferences/reasons.ts';
import type { ElectronSurface } from '../surface.ts';
import { MAIN_TEXTS } from './main-texts.ts';

export type Toasts = { show(state: AppState): void };

/** Says when contributing stops for something that the owner did not do by hand, such as a game; once each time. */
export function createToasts({ Notification }: Pick<ElectronSurface, 'Notification'>): Toasts {
  let wasContributing = false;
  return {
    show: (state) => {
      const { contributing, code, language } = state;
      const isWorthIt = wasContributing && !contributing && (code === 'game' || code === 'full_screen');
      wasContributing = contributing;
      if (!isWorthIt || !Notification.isSupported()) return;
      const { goesOn } = MAIN_TEXTS[language];
      new Notification({ title: 'Sparewatt', body: goesOn(reasonInFull(state.why, language)), silent: true }).show();
    },
  };
}
