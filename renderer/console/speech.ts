import { createContext, useContext } from 'react';
import type { Locale } from '../language/locales.ts';
import { type Show, showIn } from './shown.ts';
import { EN } from './texts/en.ts';
import { FR } from './texts/fr.ts';
import type { Texts } from './texts/texts.ts';

export const TEXTS: Readonly<Record<Locale, Texts>> = { en: EN, fr: FR };

/** The texts of the language that was chosen, how it writes numbers and times, and how another one is chosen. */
export type Speech = { locale: Locale; texts: Texts; show: Show; onLocale(locale: Locale): void };

export function speechOf(locale: Locale, onLocale: (locale: Locale) => void = () => undefined): Speech {
  return { locale, texts: TEXTS[locale], show: showIn(locale), onLocale };
}

export const SpeechContext = createContext<Speech>(speechOf('en'));
export const useSpeech = (): Speech => useContext(SpeechContext);
