import { type ChangeEvent, type DragEvent, useId, useMemo, useState } from 'react';
import { Findings } from '../receipts/findings.tsx';

const STRINGS = {
  title: 'Verify a receipt',
  intro:
    'A receipt says which node did which job with which model, under the signatures of the node and of the relay. It is checked here, in this browser: nothing is sent anywhere, and the page works offline.',
  paste: 'Receipt as JSON, with or without its proof',
  hint: 'Paste it, drop a file on this card, or choose one.',
  choose: 'Choose a file',
  noJson: 'This is no JSON. Paste the whole file, from its first brace to its last.',
};
/** Proofs are a few kilobytes. */
const MOST_BYTES = 1024 * 1024;

/** Shows what a receipt proves, to anybody who has been handed one. */
export function VerifyPage() {
  const [text, setText] = useState('');
  const [isOver, setOver] = useState(false);
  const id = useId();
  const content = useMemo(() => parsed(text), [text]);
  const read = (file: File | undefined): void => {
    if (file !== undefined && file.size <= MOST_BYTES) file.text().then(setText);
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
            onChange={({ target }) => setText(target.value)}
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
            accept=".json,application/json"
            onChange={({ target }: ChangeEvent<HTMLInputElement>) => read(target.files?.[0])}
          />
        </div>
      </section>
      {content === 'none' && (
        <p className="notice" data-kind="warn" role="alert">
          {STRINGS.noJson}
        </p>
      )}
      {typeof content === 'object' && (
        <section className="card">
          <Findings content={content.json} />
        </section>
      )}
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
