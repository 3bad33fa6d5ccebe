import type { Language } from '../ipc/language.ts';
import type { PauseLength } from './wish.ts';

/** How long a pause lasts, as the tray and the window say it. */
export const PAUSE_WORDS: Record<Language, Record<PauseLength, string>> = {
  en: {
    '30m': '30 minutes',
    '1h': '1 hour',
    '3h': '3 hours',
    tomorrow: 'Until tomorrow',
    resumed: 'Until I resume',
  },
  fr: {
    '30m': '30 minutes',
    '1h': '1 heure',
    '3h': '3 heures',
    tomorrow: 'Jusqu’à demain',
    resumed: 'Jusqu’à ma reprise',
  },
};
