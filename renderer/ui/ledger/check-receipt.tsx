import { type ChangeEvent, useId, useRef, useState } from 'react';
import { checkReceiptFile, type Finding } from '../../../shared/receipts/receipt-proof.ts';
import { useSpeech } from '../locale.ts';

/** A receipt is some kilobytes; whatever is larger is none. */
const FILE_MOST_BYTES = 1_048_576;

/** Checks a receipt in this page, with nobody's help: one of the ledger, or a file. */
export function CheckReceipt({ document, id }: { document?: string; id?: string }) {
  const { texts } = useSpeech();
  const words = texts.ledger.check;
  const inputId = useId();
  const dialog = useRef<HTMLDialogElement>(null);
  const [findings, setFindings] = useState<readonly Finding[]>([]);
  const check = async (text: string): Promise<void> => {
    setFindings(await checkReceiptFile(contentOf(text)));
    dialog.current?.showModal();
  };
  const onFile = async ({ target }: ChangeEvent<HTMLInputElement>): Promise<void> => {
    const [file] = target.files ?? [];
    if (file !== undefined) await check(file.size > FILE_MOST_BYTES ? '' : await file.text());
    target.value = '';
  };
  return (
    <>
      {document !== undefined ? (
        <button
          type="button"
          className="button small"
          aria-label={words.checkOne(id ?? '')}
          onClick={() => void check(document)}
        >
          {words.verify}
        </button>
      ) : (
        <div className="field">
          <label htmlFor={inputId}>{words.file}</label>
          <input
            id={inputId}
            type="file"
            accept=".json,application/json"
            className="input"
            aria-describedby={`${inputId}-hint`}
            onChange={(event) => void onFile(event)}
          />
          <p className="hint" id={`${inputId}-hint`}>
            {words.fileHint}
          </p>
        </div>
      )}
      <dialog ref={dialog} className="dialog" aria-labelledby={`${inputId}-title`}>
        <h2 id={`${inputId}-title`}>{findings.length > 0 && verdictOf(findings, words)}</h2>
        <ul className="findings">
          {findings.map(({ check: name, isSound, detail }) => (
            <li key={name} data-sound={isSound}>
              <strong>
                {words.names[name]}: {isSound === null ? words.untold : isSound ? words.sound : words.unsound}
              </strong>
              <span className="hint">{detail}</span>
            </li>
          ))}
        </ul>
        <form method="dialog" className="actions">
          <button type="submit" className="button">
            {words.close}
          </button>
        </form>
      </dialog>
    </>
  );
}

function verdictOf(findings: readonly Finding[], words: { allSound: string; someUnsound: string }): string {
  return findings.every(({ isSound }) => isSound !== false) ? words.allSound : words.someUnsound;
}

function contentOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
