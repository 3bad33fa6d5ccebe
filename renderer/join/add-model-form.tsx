import { useState } from 'react';
import { ModelNameForm } from '../fields/model-name-form.tsx';
import { OfferRow } from '../fields/offer-row.tsx';
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
  const [name, setName] = useState('');
  const mine = offer?.model === name.trim() ? offer : null;
  const download = (): void => {
    ask({ type: 'download', model: name.trim() });
    setName('');
  };
  return (
    <ModelNameForm
      name={name}
      words={words}
      isAsking={mine?.state === 'asking'}
      refusal={mine?.state === 'refused' && strings.problem(mine.problem)}
      onName={setName}
      onLook={() => ask({ type: 'look', model: name })}
    >
      {mine?.state === 'made' && (
        <Offer offer={mine} storage={storage} strings={strings} show={show} onDownload={download} />
      )}
    </ModelNameForm>
  );
}

type OfferProps = Pick<AddModelFormProps, 'storage' | 'strings' | 'show'> & {
  offer: Extract<ShownOffer, { state: 'made' }>;
  onDownload(): void;
};

function Offer({ offer, storage, strings, show, onDownload }: OfferProps) {
  const words = strings.models.add;
  const { model, dtype, reason, weightsBytes, missingBytes, leaving, problem } = offer;
  const free = storage?.freeBytes ?? null;
  return (
    <OfferRow words={words} model={model} onDownload={problem === null ? onDownload : undefined}>
      <strong>{words.brings(show.bytes(weightsBytes), show.bytes(missingBytes), dtype)}</strong>
      <span className="hint">{reasonOf(dtype, reason, strings.models)}</span>
      {problem === null ? (
        <span className="hint">{free === null ? words.fitsUnknown : words.fits(show.bytes(free))}</span>
      ) : (
        <span className="error">{strings.problem(problem)}</span>
      )}
      {leaving.length > 0 && <span className="hint">{words.leaving(leaving.join(', '))}</span>}
    </OfferRow>
  );
}
