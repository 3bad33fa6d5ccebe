import { type FormEvent, useEffect, useId, useRef, useState } from 'react';
import type { Shown } from '../language/shown.ts';
import { reasonOf } from './dtype-reason.ts';
import type { ShownOffer, ShownStorage, ToModels } from './node-messages.ts';
import type { Strings } from './strings.ts';

export type AddModelFormProps = {
  offer: ShownOffer | null;
  storage: ShownStorage | null;
  strings: Strings;
  show: Shown;
  ask(message: ToModels): void;
};

/** Says first how large a model is and whether it fits; nothing of it is downloaded before that was seen. */
export function AddModelForm({ offer, storage, strings, show, ask }: AddModelFormProps) {
  const words = strings.models.add;
  const id = useId();
  const [name, setName] = useState('');
  const mine = offer?.model === name.trim() ? offer : null;
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (name.trim() !== '') ask({ type: 'look', model: name });
  };
  const download = (): void => {
    ask({ type: 'download', model: name.trim() });
    setName('');
  };
  return (
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
          maxLength={200}
          aria-describedby={`${id}-hint ${id}-error`}
        />
        <button type="submit" className="button" disabled={name.trim() === ''}>
          {mine?.state === 'asking' ? words.looking : words.look}
        </button>
      </span>
      <p className="hint" id={`${id}-hint`}>
        {words.hint}
      </p>
      <p className="error" id={`${id}-error`} role="alert">
        {mine?.state === 'refused' && strings.problem(mine.problem)}
      </p>
      {mine?.state === 'made' && (
        <Offer offer={mine} storage={storage} strings={strings} show={show} onDownload={download} />
      )}
    </form>
  );
}

type OfferProps = Pick<AddModelFormProps, 'storage' | 'strings' | 'show'> & {
  offer: Extract<ShownOffer, { state: 'made' }>;
  onDownload(): void;
};

function Offer({ offer, storage, strings, show, onDownload }: OfferProps) {
  const words = strings.models.add;
  const { model, dtype, reason, weightsBytes, missingBytes, leaving, problem } = offer;
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => place.current?.focus(), []);
  const free = storage?.freeBytes ?? null;
  return (
    <div className="row offer" ref={place} tabIndex={-1} role="status">
      <span className="grow">
        <strong>{words.brings(show.bytes(weightsBytes), show.bytes(missingBytes), dtype)}</strong>
        <span className="hint">{reasonOf(dtype, reason, strings.models)}</span>
        {problem === null ? (
          <span className="hint">{free === null ? words.fitsUnknown : words.fits(show.bytes(free))}</span>
        ) : (
          <span className="error">{strings.problem(problem)}</span>
        )}
        {leaving.length > 0 && <span className="hint">{words.leaving(leaving.join(', '))}</span>}
      </span>
      {problem === null && (
        <button
          type="button"
          className="button"
          data-kind="primary"
          aria-label={words.submitOf(model)}
          onClick={onDownload}
        >
          {words.submit}
        </button>
      )}
    </div>
  );
}
