import { createContext, useContext } from 'react';
import type { Locale } from '../language/locales.ts';
import { type Shown, shownIn } from '../language/shown.ts';
import { EN } from './texts/en.ts';
import { FR } from './texts/fr.ts';
import type { Texts } from './texts/texts.ts';

export const TEXTS: Readonly<Record<Locale, Texts>> = { en: EN, fr: FR };

/** The texts of the language that was chosen, and how it writes numbers and times. */
export type Speech = { locale: Locale; texts: Texts; show: Shown };

export function speechOf(locale: Locale): Speech {
  return { locale, texts: TEXTS[locale], show: shownIn(locale) };
}

export const SpeechContext = createContext<Speech>(speechOf('en'));
export const useSpeech = (): Speech => useContext(SpeechContext);
