/** The languages of the pages, each by its own name. */
export const LANGUAGES = { en: 'English', fr: 'Français' } as const;
export type Locale = keyof typeof LANGUAGES;
export const LOCALES = Object.keys(LANGUAGES) as Locale[];

export function isLocale(text: string): text is Locale {
  return Object.hasOwn(LANGUAGES, text);
}

/** The first language of a person that the pages speak, else English. */
export function preferredLocale(languages: readonly string[]): Locale {
  for (const language of languages) {
    const [short = ''] = language.toLowerCase().split('-');
    if (isLocale(short)) return short;
  }
  return 'en';
}
