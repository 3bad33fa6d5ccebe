import type { AppState } from '../../shared/ipc/app-state.ts';
import type { PauseLength } from '../../shared/preferences/wish.ts';
import type { MenuTemplate } from '../surface.ts';

/** What the menu can ask for. */
export type TrayActions = {
  contribute(): void;
  pause(length: PauseLength): void;
  finishThenPause(): void;
  freeMemory(): void;
  setStartsAtLogin(starts: boolean): void;
  show(): void;
  quit(): void;
};

const PAUSES: readonly [PauseLength, string][] = [
  ['30m', '30 minutes'],
  ['1h', '1 hour'],
  ['3h', '3 hours'],
  ['tomorrow', 'Until tomorrow'],
  ['resumed', 'Until I resume'],
];
/** What Windows shows of a tooltip. */
const TOOLTIP_MOST_CHARACTERS = 127;

/** The whole menu, so that nothing depends on a click of the icon, which Linux often does not pass on. */
export function trayMenu(state: AppState, actions: TrayActions, now: number): MenuTemplate[] {
  const isPaused = state.wish.state === 'paused';
  return [
    { id: 'state', label: `${stateWord(state)}${countdown(state, now)}`, enabled: false },
    { id: 'reason', label: state.reason, enabled: false },
    { type: 'separator' },
    { id: 'contribute', label: 'Contribute', enabled: !state.contributing, click: () => actions.contribute() },
    {
      id: 'pause',
      label: isPaused ? 'Pause for another time' : 'Pause',
      submenu: PAUSES.map(([length, label]) => ({ id: `pause-${length}`, label, click: () => actions.pause(length) })),
    },
    {
      id: 'finish',
      label: 'Finish current job, then pause',
      enabled: state.contributing,
      click: () => actions.finishThenPause(),
    },
    { id: 'free', label: 'Free VRAM now', enabled: state.memoryHeld, click: () => actions.freeMemory() },
    { type: 'separator' },
    {
      id: 'login',
      label: 'Start at login',
      type: 'checkbox',
      checked: state.startsAtLogin === true,
      enabled: state.startsAtLogin !== 'unknown',
      click: () => actions.setStartsAtLogin(state.startsAtLogin !== true),
    },
    { id: 'open', label: 'Open Sparewatt', click: () => actions.show() },
    { id: 'quit', label: 'Quit', click: () => actions.quit() },
  ];
}

export function trayToolTip(state: AppState, now: number): string {
  return `Sparewatt: ${state.reason}${countdown(state, now)}`.slice(0, TOOLTIP_MOST_CHARACTERS);
}

function stateWord({ contributing }: AppState): string {
  return contributing ? 'Contributing' : 'Paused';
}

/** How long, while that is minutes; else the time of day or the day. */
function countdown({ until, wish }: AppState, now: number): string {
  if (until === null || (wish.state !== 'paused' && wish.state !== 'insist')) return '';
  const what = wish.state === 'paused' ? 'resumes' : 'until';
  const date = new Date(until);
  const time = `${two(date.getHours())}:${two(date.getMinutes())}`;
  const minutes = Math.max(1, Math.ceil((until - now) / 60_000));
  if (minutes < 60) return ` (${what} ${time}, in ${minutes} min)`;
  return new Date(now).getDate() === date.getDate() ? ` (${what} ${time})` : ` (${what} tomorrow ${time})`;
}

function two(value: number): string {
  return String(value).padStart(2, '0');
}
