import { useId, useRef, useState } from 'react';
import { GigabytesForm } from '../fields/gigabytes-form.tsx';
import type { Shown } from '../language/shown.ts';
import type { ShownStorage, ToModels } from './node-messages.ts';
import type { ModelStrings } from './strings-models.ts';

export type StorageCardProps = {
  storage: ShownStorage;
  words: ModelStrings['storage'];
  show: Shown;
  ask(message: ToModels): void;
};

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
      <GigabytesForm
        key={quotaBytes}
        bytes={quotaBytes}
        allowsNone={false}
        label={words.limit}
        set={words.set}
        hint={words.limitHint}
        wrong={words.limitWrong}
        onChange={(bytes) => ask({ type: 'limit', quotaBytes: bytes })}
      />
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
