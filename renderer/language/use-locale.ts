import { useCallback, useEffect, useState } from 'react';
import { isLocale, type Locale, preferredLocale } from './locales.ts';

const LOCALE_KEY = 'sparewatt-locale';

/** The language that was chosen here, else the person's own; and how another one is chosen, which is kept. */
export function useLocale(): [Locale, (locale: Locale) => void] {
  const [locale, setLocale] = useState<Locale>(() => {
    const kept = keptLocale();
    return isLocale(kept) ? kept : preferredLocale(navigator.languages);
  });
  useEffect(() => {
    document.documentElement.lang = locale;
  }, [locale]);
  const choose = useCallback((wanted: Locale): void => {
    keepLocale(wanted);
    setLocale(wanted);
  }, []);
  return [locale, choose];
}

/** Browsers that keep nothing, and pages that were opened as files, may have no storage. */
function keptLocale(): string {
  try {
    return localStorage.getItem(LOCALE_KEY) ?? '';
  } catch {
    return '';
  }
}

function keepLocale(locale: Locale): void {
  try {
    localStorage.setItem(LOCALE_KEY, locale);
  } catch {
    // It counts until the page is closed.
  }
}
