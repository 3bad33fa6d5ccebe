import { type FormEvent, useId, useRef, useState } from 'react';
import type { Shown } from '../language/shown.ts';
import type { ShownStorage, ToModels } from './node-messages.ts';
import type { ModelStrings } from './strings-models.ts';

export type StorageCardProps = {
  storage: ShownStorage;
  words: ModelStrings['storage'];
  show: Shown;
  ask(message: ToModels): void;
};

const GIGABYTE = 1e9;

/** What models take of this browser, how much they may, and how to be rid of all of it. */
export function StorageCard({ storage, words, show, ask }: StorageCardProps) {
  const { usedBytes, freeBytes, quotaBytes, isKept } = storage;
  const id = useId();
  const used = show.bytes(usedBytes);
  return (
    <section className="card section" aria-labelledby={id}>
      <h2 id={id}>{words.title}</h2>
      <p>
        {quotaBytes === null ? words.used(used) : words.usedOf(used, show.bytes(quotaBytes))}{' '}
        {freeBytes !== null && words.free(show.bytes(freeBytes))}
      </p>
      {quotaBytes !== null && usedBytes > quotaBytes && (
        <p className="notice" data-kind="warn">
          {words.above}
        </p>
      )}
      {usedBytes > 0 && <KeepLine isKept={isKept} words={words} onAsked={() => ask({ type: 'lookStorage' })} />}
      <LimitField key={quotaBytes} quotaBytes={quotaBytes} words={words} ask={ask} />
      {usedBytes > 0 && <RemoveAll words={words} onConfirm={() => ask({ type: 'removeAll' })} />}
    </section>
  );
}

type KeepLineProps = { isKept: boolean; words: StorageCardProps['words']; onAsked(): void };

/** Browsers may ask the person, so that they are asked by a click alone. */
function KeepLine({ isKept, words, onAsked }: KeepLineProps) {
  const [isRefused, setRefused] = useState(false);
  const keep = (): void => {
    navigator.storage.persist().then(
      (isGranted) => {
        setRefused(!isGranted);
        onAsked();
      },
      () => setRefused(true),
    );
  };
  if (isKept) return <p className="hint">{words.kept}</p>;
  return (
    <p className="actions">
      <span className="hint grow" role="status">
        {isRefused ? words.keepRefused : words.notKept}
      </span>
      <button type="button" className="button" onClick={keep}>
        {words.keep}
      </button>
    </p>
  );
}

type LimitFieldProps = Pick<StorageCardProps, 'words' | 'ask'> & { quotaBytes: number | null };

function LimitField({ quotaBytes, words, ask }: LimitFieldProps) {
  const id = useId();
  const kept = quotaBytes === null ? '' : String(quotaBytes / GIGABYTE);
  const [text, setText] = useState(kept);
  const value = text.trim() === '' ? null : Math.round(Number(text.trim().replace(',', '.')) * GIGABYTE);
  const isWrong = value !== null && !(value > 0);
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (!isWrong) ask({ type: 'limit', quotaBytes: value });
  };
  return (
    <form className="field" onSubmit={submit} noValidate>
      <label htmlFor={id}>{words.limit}</label>
      <span className="actions">
        <input
          id={id}
          className="input short"
          inputMode="decimal"
          autoComplete="off"
          value={text}
          aria-invalid={isWrong}
          aria-describedby={`${id}-hint`}
          onChange={({ target }) => setText(target.value)}
        />
        <button type="submit" className="button" disabled={text === kept || isWrong}>
          {words.set}
        </button>
      </span>
      <p className="hint" id={`${id}-hint`}>
        {isWrong ? words.limitWrong : words.limitHint}
      </p>
    </form>
  );
}

function RemoveAll({ words, onConfirm }: { words: StorageCardProps['words']; onConfirm(): void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  return (
    <>
      <p className="actions">
        <button type="button" className="button" onClick={() => dialog.current?.showModal()}>
          {words.removeAll}
        </button>
      </p>
      <dialog ref={dialog} className="dialog" aria-labelledby={id}>
        <h2 id={id}>{words.removeAllTitle}</h2>
        <p>{words.removeAllBody}</p>
        <form method="dialog" className="actions">
          <button type="submit" className="button">
            {words.cancel}
          </button>
          <button type="submit" className="button" data-kind="danger" onClick={onConfirm}>
            {words.removeAllConfirm}
          </button>
        </form>
      </dialog>
    </>
  );
}
