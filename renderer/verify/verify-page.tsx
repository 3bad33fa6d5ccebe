import { type ChangeEvent, type DragEvent, useId, useMemo, useState } from 'react';
import { Findings } from '../receipts/findings.tsx';
import { Told } from './told.tsx';

const STRINGS = {
  title: 'Verify a receipt',
  intro:
    'A receipt says which node did which job with which model, under the signatures of the node and of the relay. It is checked here, in this browser: nothing is sent anywhere, and the page works offline.',
  paste: 'Receipt as JSON, with or without its proof',
  hint: 'Paste it, drop a file on this card, or choose one.',
  choose: 'Choose a file',
  licences: 'Licences',
  faults: {
    json: 'This is no JSON. Paste the whole file, from its first brace to its last.',
    size: 'The file is too large for a receipt. Choose another one.',
    file: 'The file could not be read. Choose it again.',
  },
};
type Fault = keyof typeof STRINGS.faults;

/** Proofs are a few kilobytes. */
const MOST_BYTES = 1024 * 1024;

/** Shows what a receipt proves, to anybody who has been handed one. */
export function VerifyPage() {
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
      <h1>{STRINGS.title}</h1>
      <p>{STRINGS.intro}</p>
      <section
        className="card drop"
        aria-label={STRINGS.title}
        data-over={isOver}
        onDragOver={(event) => over(event, true)}
        onDragLeave={(event) => over(event, false)}
        onDrop={drop}
      >
        <div className="field">
          <label htmlFor={`${id}-text`}>{STRINGS.paste}</label>
          <textarea
            id={`${id}-text`}
            className="input"
            spellCheck={false}
            value={text}
            onChange={({ target }) => show({ text: target.value })}
            aria-describedby={`${id}-hint`}
          />
          <p className="hint" id={`${id}-hint`}>
            {STRINGS.hint}
          </p>
        </div>
        <div className="field">
          <label htmlFor={`${id}-file`}>{STRINGS.choose}</label>
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
          {STRINGS.faults[found]}
        </p>
      )}
      {typeof content === 'object' && (
        <section className="card">
          <Findings content={content.json}>
            <Told content={content.json} />
          </Findings>
        </section>
      )}
      <p className="quiet">
        <a href="licences.txt" target="_blank" rel="noreferrer">
          {STRINGS.licences}
        </a>
      </p>
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
