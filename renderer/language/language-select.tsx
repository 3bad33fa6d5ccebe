import { isLocale, LANGUAGES, LOCALES, type Locale } from './locales.ts';

export type LanguageSelectProps = { label: string; locale: Locale; onLocale(locale: Locale): void };

/** Each language is named in itself: who looks for theirs may read no other. */
export function LanguageSelect({ label, locale, onLocale }: LanguageSelectProps) {
  return (
    <label>
      {label}{' '}
      <select
        className="input"
        value={locale}
        onChange={({ target }) => isLocale(target.value) && onLocale(target.value)}
      >
        {LOCALES.map((each) => (
          <option key={each} value={each} lang={each}>
            {LANGUAGES[each]}
          </option>
        ))}
      </select>
    </label>
  );
}
