import { useEffect, useState } from 'react';
import { isLocale, type Locale, preferredLocale } from './locales.ts';

const LOCALE_KEY = 'sparewatt-locale';

/** The language that was chosen here, else the person's own; and how another one is chosen, which is kept. */
export function useLocale(): [Locale, (locale: Locale) => void] {
  const [locale, setLocale] = useState<Locale>(() => {
    const kept = localStorage.getItem(LOCALE_KEY) ?? '';
    return isLocale(kept) ? kept : preferredLocale(navigator.languages);
  });
  useEffect(() => {
    document.documentElement.lang = locale;
  }, [locale]);
  const choose = (wanted: Locale): void => {
    localStorage.setItem(LOCALE_KEY, wanted);
    setLocale(wanted);
  };
  return [locale, choose];
}
