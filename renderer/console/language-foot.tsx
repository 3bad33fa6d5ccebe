import { LanguageSelect } from '../language/language-select.tsx';
import { useSpeech } from './speech.ts';

/** Stands below each page. Another language changes what is said and loses nothing that was written. */
export function LanguageFoot() {
  const { texts, locale, onLocale } = useSpeech();
  return (
    <footer className="page-foot quiet">
      <LanguageSelect label={texts.language} locale={locale} onLocale={onLocale} />
    </footer>
  );
}
