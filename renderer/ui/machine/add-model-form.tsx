import { useRef, useState } from 'react';
import type { ModelOffer } from '../../../shared/ipc/model-size.ts';
import { ModelNameForm } from '../../fields/model-name-form.tsx';
import { OfferRow } from '../../fields/offer-row.tsx';
import { ask, type Refusal, refusalOf } from '../bridge.ts';
import { useSpeech } from '../locale.ts';
import { FitLine } from './fit-line.tsx';

/**
 * Says first how large a model is and whether it fits; nothing of it is downloaded before that was seen. An answer about a name
 * that is no longer in the field is dropped.
 */
export function AddModelForm() {
  const { texts } = useSpeech();
  const words = texts.models.add;
  const [name, setName] = useState('');
  const [offer, setOffer] = useState<ModelOffer>();
  const [isAsking, setAsking] = useState(false);
  const [refusal, setRefusal] = useState<Refusal>();
  const turn = useRef(0);
  const write = (next: string): void => {
    turn.current += 1;
    setName(next);
    setOffer(undefined);
    setRefusal(undefined);
    setAsking(false);
  };
  const look = (): void => {
    const mine = ++turn.current;
    const ifWanted = (show: () => void): void => {
      if (mine !== turn.current) return;
      setAsking(false);
      show();
    };
    setRefusal(undefined);
    setAsking(true);
    ask('sizeModel', { model: name.trim() }).then(
      (found) => ifWanted(() => setOffer(found)),
      (error: unknown) => ifWanted(() => setRefusal(refusalOf(error))),
    );
  };
  const download = (): void => {
    ask('addModel', { model: name.trim() }).then(
      () => write(''),
      (error: unknown) => setRefusal(refusalOf(error)),
    );
  };
  return (
    <ModelNameForm
      name={name}
      words={words}
      isAsking={isAsking}
      refusal={refusal !== undefined && texts.problem(refusal)}
      onName={write}
      onLook={look}
    >
      {offer !== undefined && <Offer offer={offer} onDownload={download} />}
    </ModelNameForm>
  );
}

function Offer({ offer, onDownload }: { offer: ModelOffer; onDownload(): void }) {
  const { texts, show } = useSpeech();
  const words = texts.models.add;
  const { model, from, dtype, weightsBytes, needBytes, budget } = offer;
  return (
    <OfferRow words={words} model={model} onDownload={onDownload}>
      <strong>{weightsBytes === null ? words.sizeUnknown : words.size(show.bytes(weightsBytes), dtype, from)}</strong>
      <FitLine needBytes={needBytes} needBasis="estimated" budget={budget} />
    </OfferRow>
  );
}
