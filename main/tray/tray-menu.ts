import type { AppState } from '../../shared/ipc/app-state.ts';
import { contributingHelps } from '../../shared/ipc/headline.ts';
import { countdown, idleNote, reasonLine } from '../../shared/ipc/reason-line.ts';
import { reasonInFull } from '../../shared/preferences/reasons.ts';
import { PAUSE_LENGTHS, type PauseLength } from '../../shared/preferences/wish.ts';
import type { MenuTemplate } from '../surface.ts';
import { MAIN_TEXTS } from './main-texts.ts';

/** What the menu can ask for. */
export type TrayActions = {
  contribute(): void;
  pause(length: PauseLength): void;
  finishThenPause(): void;
  freeMemory(): void;
  setStartsAtLogin(starts: boolean): void;
  checkForUpdates(): void;
  installUpdate(): void;
  show(): void;
  quit(): void;
};

/** What Windows shows of a tooltip. */
const TOOLTIP_MOST_CHARACTERS = 127;

/** The whole menu, so that nothing depends on a click of the icon, which Linux often does not pass on. */
export function trayMenu(state: AppState, actions: TrayActions, now: number): MenuTemplate[] {
  const isPaused = state.wish.state === 'paused';
  const { menu, pauseFor, states } = MAIN_TEXTS[state.language];
  return [
    { id: 'state', label: state.contributing ? states.contributing : states.paused, enabled: false },
    { id: 'reason', label: reasonLine(state, state.language, now), enabled: false },
    ...questionLine(state, actions),
    { type: 'separator' },
    { id: 'contribute', label: menu.contribute, enabled: contributingHelps(state), click: () => actions.contribute() },
    {
      id: 'pause',
      label: isPaused ? menu.pauseLonger : menu.pause,
      submenu: PAUSE_LENGTHS.map((length) => ({
        id: `pause-${length}`,
        label: pauseFor[length],
        click: () => actions.pause(length),
      })),
    },
    {
      id: 'finish',
      label: menu.finish,
      enabled: state.contributing,
      click: () => actions.finishThenPause(),
    },
    { id: 'free', label: menu.free, enabled: state.memoryHeld, click: () => actions.freeMemory() },
    { type: 'separator' },
    {
      id: 'login',
      label: menu.login,
      type: 'checkbox',
      checked: isWantedAtLogin(state),
      enabled: state.startsAtLogin !== 'unknown',
      click: () => actions.setStartsAtLogin(!isWantedAtLogin(state)),
    },
    ...updateLine(state, actions),
    { id: 'open', label: menu.open, click: () => actions.show() },
    { id: 'quit', label: menu.quit, click: () => actions.quit() },
  ];
}

/** As the window shows it: what waits for the system's approval has been asked for. */
function isWantedAtLogin({ startsAtLogin }: AppState): boolean {
  return startsAtLogin === true || startsAtLogin === 'requires-approval';
}

/** Opens the window, which shows the question whatever its view. */
function questionLine({ questions, language }: AppState, actions: TrayActions): MenuTemplate[] {
  if (questions.length === 0) return [];
  const { title } = MAIN_TEXTS[language].question;
  return [{ id: 'question', label: title(questions.length), click: () => actions.show() }];
}

/** Nothing where the app cannot update itself. */
function updateLine({ update, language }: AppState, actions: TrayActions): MenuTemplate[] {
  const texts = MAIN_TEXTS[language].update;
  const look = (label: string): MenuTemplate[] => [{ id: 'update', label, click: () => actions.checkForUpdates() }];
  switch (update.state) {
    case 'off':
      return [];
    case 'current':
      return look(texts.look);
    case 'failed':
      return look(texts.failed);
    case 'looking':
      return [{ id: 'update', label: texts.looking, enabled: false }];
    case 'fetching':
      return [{ id: 'update', label: texts.fetching(update.version), enabled: false }];
    case 'ready':
      if (update.isWanted) return [{ id: 'update', label: texts.waits(update.version), enabled: false }];
      return [{ id: 'update', label: texts.install(update.version), click: () => actions.installUpdate() }];
  }
}

export function trayToolTip(state: AppState, now: number): string {
  const { questions, why, language } = state;
  const waiting = questions.length === 0 ? '' : `${MAIN_TEXTS[language].question.title(questions.length)}. `;
  const said = `${reasonInFull(why, language)}${countdown(state, language, now)}${idleNote(state, language)}`;
  return `Sparewatt: ${waiting}${said}`.slice(0, TOOLTIP_MOST_CHARACTERS);
}
