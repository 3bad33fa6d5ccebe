import { type FormEvent, useId, useState } from 'react';
import type { AppState, ModelDownload } from '../../../shared/ipc/app-state.ts';
import { ask, type Refusal, refusalOf } from '../bridge.ts';
import { useSpeech } from '../locale.ts';

/** Models on their way here, and a field for the next. */
export function DownloadsCard({ state: { downloads } }: { state: AppState }) {
  const { texts } = useSpeech();
  const words = texts.models.add;
  const id = useId();
  const [name, setName] = useState('');
  const [refusal, setRefusal] = useState<Refusal>();
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (name.trim() === '') return;
    setRefusal(undefined);
    ask('addModel', { model: name.trim() }).then(
      () => setName(''),
      (error: unknown) => setRefusal(refusalOf(error)),
    );
  };
  return (
    <section className="card section" aria-labelledby={`${id}-title`}>
      <h2 id={`${id}-title`}>{words.title}</h2>
      <form className="field" onSubmit={submit} noValidate>
        <label htmlFor={id}>{words.name}</label>
        <span className="actions">
          <input
            id={id}
            className="input code grow"
            value={name}
            onChange={({ target }) => setName(target.value)}
            autoComplete="off"
            spellCheck={false}
            aria-describedby={`${id}-hint ${id}-error`}
          />
          <button type="submit" className="button" disabled={name.trim() === ''}>
            {words.submit}
          </button>
        </span>
        <p className="hint" id={`${id}-hint`}>
          {words.hint}
        </p>
        <p className="error" id={`${id}-error`} role="alert">
          {refusal !== undefined && texts.problem(refusal)}
        </p>
      </form>
      {downloads.length > 0 && (
        <ul className="rows">
          {downloads.map((download) => (
            <DownloadRow key={download.model} download={download} />
          ))}
        </ul>
      )}
    </section>
  );
}

function DownloadRow({
  download: { model, loadedBytes, totalBytes, bytesPerS, etaS, problem },
}: {
  download: ModelDownload;
}) {
  const { texts, show } = useSpeech();
  const words = texts.models.add;
  const parts = [
    totalBytes === null ? show.bytes(loadedBytes) : words.of(show.bytes(loadedBytes), show.bytes(totalBytes)),
    ...(bytesPerS === null ? [] : [words.speed(show.bytes(bytesPerS))]),
    ...(etaS === null ? [] : [words.eta(clock(etaS))]),
  ];
  const again = (): void => void ask('addModel', { model }).catch(() => undefined);
  const cancel = (): void => void ask('cancelDownload', { model }).catch(() => undefined);
  return (
    <li className="row">
      <span className="grow">
        <strong>
          <code>{model}</code>
        </strong>
        {problem === null ? (
          <>
            <progress
              className="progress"
              aria-label={words.progress(model)}
              {...(totalBytes === null ? {} : { value: loadedBytes, max: Math.max(1, totalBytes) })}
            />
            <span className="hint">{parts.join(' · ')}</span>
          </>
        ) : (
          <span className="hint">{texts.problem(problem)}</span>
        )}
      </span>
      <span className="actions">
        {problem !== null && (
          <button type="button" className="button" aria-label={words.againFor(model)} onClick={again}>
            {words.again}
          </button>
        )}
        <button
          type="button"
          className="button"
          aria-label={problem === null ? words.cancelOf(model) : words.dismissOf(model)}
          onClick={cancel}
        >
          {problem === null ? words.cancel : words.dismiss}
        </button>
      </span>
    </li>
  );
}

function clock(seconds: number): string {
  const two = (value: number): string => String(Math.floor(value)).padStart(2, '0');
  const hours = Math.floor(seconds / 3_600);
  const rest = `${two((seconds % 3_600) / 60)}:${two(seconds % 60)}`;
  return hours === 0 ? rest : `${hours}:${rest}`;
}
