import { shortReason } from '../preferences/reasons.ts';
import type { AppState } from './app-state.ts';
import type { Language } from './language.ts';

/** Of a state, what it takes to say why and for how long. */
export type Explained = Pick<AppState, 'why' | 'until' | 'wish'>;

type EndWords = {
  /** `day` is undefined while that is today's. */
  resumes(time: string, day: string | undefined): string;
  until(time: string, day: string | undefined): string;
  minutesLeft(minutes: number): string;
  tomorrow: string;
  idle: string;
};
const WORDS: Readonly<Record<Language, EndWords>> = {
  en: {
    resumes: (time, day) => (day === undefined ? `resumes ${time}` : `resumes ${day} ${time}`),
    until: (time, day) => (day === undefined ? `until ${time}` : `until ${day} ${time}`),
    minutesLeft: (minutes) => `, in ${minutes} min`,
    tomorrow: 'tomorrow',
    idle: ', no job for its models now',
  },
  fr: {
    resumes: (time, day) => (day === undefined ? `reprend à ${time}` : `reprend ${day} à ${time}`),
    until: (time, day) => (day === undefined ? `jusqu’à ${time}` : `jusqu’à ${day} ${time}`),
    minutesLeft: (minutes) => `, dans ${minutes} min`,
    tomorrow: 'demain',
    idle: ', aucune tâche pour ses modèles',
  },
};
const MINUTE_MS = 60_000;
const HOUR_MINUTES = 60;

/** Why the machine does what it does, and how much longer, as tray and window say it beneath the state. */
export function reasonLine(state: Explained, language: Language, now: number): string {
  return `${shortReason(state.why, language)}${countdown(state, language, now)}`;
}

/** Beside a machine that contributes, why nothing runs there; nothing while something does. */
export function idleNote({ contributing, jobs }: Pick<AppState, 'contributing' | 'jobs'>, language: Language): string {
  return contributing && jobs.length === 0 ? WORDS[language].idle : '';
}

/** How long what was said by hand still holds: the time of day, with the minutes left or the day where that helps. */
export function countdown({ until, wish }: Omit<Explained, 'why'>, language: Language, now: number): string {
  if (until === null || (wish.state !== 'paused' && wish.state !== 'insist')) return '';
  const words = WORDS[language];
  const say = wish.state === 'paused' ? words.resumes : words.until;
  const date = new Date(until);
  const time = `${two(date.getHours())}:${two(date.getMinutes())}`;
  const minutes = Math.max(1, Math.ceil((until - now) / MINUTE_MS));
  if (minutes < HOUR_MINUTES) return ` (${say(time, undefined)}${words.minutesLeft(minutes)})`;
  return ` (${say(time, dayOf(date, language, now))})`;
}

function dayOf(date: Date, language: Language, now: number): string | undefined {
  const today = new Date(now);
  if (date.toDateString() === today.toDateString()) return undefined;
  today.setDate(today.getDate() + 1);
  if (date.toDateString() === today.toDateString()) return WORDS[language].tomorrow;
  return new Intl.DateTimeFormat(language, { weekday: 'short', day: 'numeric', month: 'short' }).format(date);
}

function two(value: number): string {
  return String(value).padStart(2, '0');
}
