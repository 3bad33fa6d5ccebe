import { type FormEvent, useEffect, useId, useRef, useState } from 'react';
import type { ApiKey } from '../../../shared/api/keys.ts';
import { useDoing } from '../asked.ts';
import { Trouble } from '../parts.tsx';
import { useSpeech } from '../speech.ts';
import { useApi } from '../surroundings.ts';
import { changesOf, draftOf, KeyFields, readDraft } from './key-fields.tsx';

/** Changes a key that was made. It stands above the list, and whoever has asked for it is taken to it. */
export function ChangeKey({ apiKey, onDone }: { apiKey: ApiKey; onDone(): void }) {
  const { texts } = useSpeech();
  const words = texts.keys;
  const api = useApi();
  const { isBusy, problem, run } = useDoing();
  // As it was when the form was opened: only what differs from that is sent.
  const [before] = useState(() => draftOf(apiKey, Date.now()));
  const id = useId();
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus(), []);
  const submit = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const change = changesOf(readDraft(new FormData(event.currentTarget)), before, Date.now());
    run(async () => {
      const path = `/v1/admin/keys/${encodeURIComponent(apiKey.id)}`;
      if (Object.keys(change).length > 0) await api.change<ApiKey>(path, change);
      onDone();
    });
  };
  return (
    <section className="card" aria-labelledby={id}>
      <h2 id={id} ref={heading} tabIndex={-1}>
        {words.changeTitle(apiKey.name)}
      </h2>
      <p>
        {words.changeHint} {words.changeLimitsHint}
      </p>
      <form className="form" onSubmit={submit}>
        <KeyFields draft={before} />
        <Trouble problem={problem} />
        <div className="actions">
          <button type="submit" className="button" data-kind="primary" disabled={isBusy}>
            {words.save}
          </button>
          <button type="button" className="button" onClick={onDone}>
            {texts.actions.cancel}
          </button>
        </div>
      </form>
    </section>
  );
}
