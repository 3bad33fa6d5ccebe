import type { AppState } from '../../shared/ipc/app-state.ts';
import type { ElectronSurface, NotificationSurface } from '../surface.ts';
import type { MainWindow } from '../windows/main-window.ts';
import { MAIN_TEXTS } from './main-texts.ts';

export type QuestionToasts = { show(state: Pick<AppState, 'questions' | 'language'>): void; close(): void };

export type QuestionToastsOptions = {
  electron: Pick<ElectronSurface, 'Notification' | 'app'>;
  platform: NodeJS.Platform;
  window: Pick<MainWindow, 'show' | 'isLookedAt' | 'attract'>;
};

/**
 * Has their owner look when jobs wait for a word, wherever they are. Invariants: (1) each question is told once; (2) at most
 * one toast is shown, and none when no question is open; (3) who looks at the window is not told a second time; (4) where
 * the system shows no toasts the window comes instead.
 */
export function createQuestionToasts({ electron, platform, window }: QuestionToastsOptions): QuestionToasts {
  const { Notification, app } = electron;
  let told: ReadonlySet<string> = new Set();
  /** Held so that it is not collected with its listener while it is shown. */
  let toast: NotificationSurface | undefined;
  const close = (): void => {
    toast?.close();
    toast = undefined;
  };
  const open = ({ questions, language }: Pick<AppState, 'questions' | 'language'>): void => {
    const { title, body } = MAIN_TEXTS[language].question;
    const [first] = questions.toSorted((a, b) => b.endsAt - a.endsAt);
    close();
    if (first === undefined) return;
    if (!Notification.isSupported()) {
      window.show();
      return;
    }
    toast = new Notification({ title: title(questions.length), body: body(first.model, first.client) });
    toast.on('click', () => window.show());
    toast.show();
  };
  return {
    show: (state) => {
      const ids = state.questions.map(({ id }) => id);
      const isNew = ids.some((id) => !told.has(id));
      if (ids.length !== told.size || isNew) {
        // Windows has pictures in the place of a count, which its flashing taskbar button outdoes.
        if (platform !== 'win32') app.setBadgeCount(ids.length);
        window.attract(ids.length > 0 && !window.isLookedAt());
      }
      told = new Set(ids);
      if (ids.length === 0) close();
      else if (isNew && !window.isLookedAt()) open(state);
    },
    close,
  };
}
