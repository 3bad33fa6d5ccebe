import type { AppState } from '../../../shared/ipc/app-state.ts';
import type { Texts } from '../texts/texts.ts';

/** The colour of what it does. In words there are two states, as in the tray; the line beneath says which pause it is. */
export type Tone = 'active' | 'paused' | 'yielding';
export type Status = { tone: Tone; title: string; why: string };

/** Said by a person, or missing a relay; every other code yields to the machine's owner. */
const PAUSED = new Set([
  'paused',
  'finishing',
  'no_model_allowed',
  'no_service_allowed',
  'unpaired',
  'key_store_locked',
  'unreachable',
  'refused',
]);

/** What the machine does and why, in the language of the texts. Pure. */
export function statusOf(state: AppState, texts: Texts): Status {
  const why = texts.reason(state);
  if (state.contributing) return { tone: 'active', title: texts.states.contributing, why };
  return { tone: PAUSED.has(state.code) ? 'paused' : 'yielding', title: texts.states.paused, why };
}

/** `2:05:09` or `12:05`; never negative. */
export function clockOf(leftMs: number): string {
  const seconds = Math.max(0, Math.ceil(leftMs / 1_000));
  const parts = [Math.floor(seconds / 3_600), Math.floor(seconds / 60) % 60, seconds % 60];
  const [hours = 0, ...rest] = parts;
  const two = rest.map((part) => String(part).padStart(2, '0')).join(':');
  return hours === 0 ? two : `${hours}:${two}`;
}
