import { type ChangeEvent, type DragEvent, useId, useMemo, useState } from 'react';
import { LanguageSelect } from '../language/language-select.tsx';
import { useLocale } from '../language/use-locale.ts';
import { Findings } from '../receipts/findings.tsx';
import { TEXTS, type Texts } from './texts.ts';
import { Told } from './told.tsx';

type Fault = keyof Texts['faults'];

/** Proofs are a few kilobytes. */
const MOST_BYTES = 1024 * 1024;

/** Shows what a receipt proves, to anybody who has been handed one. */
export function VerifyPage() {
  const [locale, setLocale] = useLocale();
  const texts = TEXTS[locale];
  const [{ text, fault }, show] = useState<{ text: string; fault?: Fault }>({ text: '' });
  const [isOver, setOver] = useState(false);
  const id = useId();
  const content = useMemo(() => parsed(text), [text]);
  const found = content === 'none' ? 'json' : fault;
  const read = (file: File | undefined): void => {
    if (file === undefined) return;
    if (file.size > MOST_BYTES) show({ text: '', fault: 'size' });
    else
      file.text().then(
        (read) => show({ text: read }),
        () => show({ text: '', fault: 'file' }),
      );
  };
  const drop = (event: DragEvent): void => {
    event.preventDefault();
    setOver(false);
    read(event.dataTransfer.files[0]);
  };
  const over = (event: DragEvent, is: boolean): void => {
    event.preventDefault();
    setOver(is);
  };
  return (
    <main>
      <h1>{texts.title}</h1>
      <p>{texts.intro}</p>
      <section
        className="card drop"
        aria-label={texts.title}
        data-over={isOver}
        onDragOver={(event) => over(event, true)}
        onDragLeave={(event) => over(event, false)}
        onDrop={drop}
      >
        <div className="field">
          <label htmlFor={`${id}-text`}>{texts.paste}</label>
          <textarea
            id={`${id}-text`}
            className="input"
            spellCheck={false}
            value={text}
            onChange={({ target }) => show({ text: target.value })}
            aria-describedby={`${id}-hint`}
          />
          <p className="hint" id={`${id}-hint`}>
            {texts.hint}
          </p>
        </div>
        <div className="field">
          <label htmlFor={`${id}-file`}>{texts.choose}</label>
          <input
            id={`${id}-file`}
            type="file"
            className="file"
            accept=".json,application/json"
            onChange={({ target }: ChangeEvent<HTMLInputElement>) => read(target.files?.[0])}
          />
        </div>
      </section>
      {found !== undefined && (
        <p className="notice" data-kind="warn" role="alert">
          {texts.faults[found]}
        </p>
      )}
      {typeof content === 'object' && (
        <section className="card">
          <Findings content={content.json} locale={locale}>
            <Told content={content.json} texts={texts.told} />
          </Findings>
        </section>
      )}
      <footer className="quiet foot">
        <a href="licences.txt" target="_blank" rel="noreferrer">
          {texts.licences}
        </a>
        <LanguageSelect label={texts.language} locale={locale} onLocale={setLocale} />
      </footer>
    </main>
  );
}

function parsed(text: string): { json: unknown } | 'none' | undefined {
  if (text.trim() === '') return undefined;
  try {
    return { json: JSON.parse(text) as unknown };
  } catch {
    return 'none';
  }
}
