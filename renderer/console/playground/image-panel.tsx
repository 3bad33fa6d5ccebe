import { useState } from 'react';
import type { ImageResponse } from '../../../shared/api/images.ts';
import { base64ToBytes } from '../../../shared/protocol/base64.ts';
import { TextField } from '../fields.tsx';
import { Fact } from '../parts.tsx';
import { useSpeech } from '../speech.ts';
import { KeyField, LinesField, ModelField, NumberField } from './ask-fields.tsx';
import { askModel, type WholeAnswer } from './ask-model.ts';
import { AnswerFrame, AskPanel } from './ask-panel.tsx';
import { type PanelProps, saidOf, useAsking } from './asking.ts';
import { MadePicture } from './made-files.tsx';
import { WholeAnswerFacts } from './whole-answer-facts.tsx';

const PATH = '/v1/images/generations';
/** As many as the route makes at once. */
const MOST_PICTURES = 10;

type PictureOrder = { model: string; prompt: string; n: number | undefined; size: string; seed: number | undefined };
type Pictures = { pictures: readonly Blob[]; size: string | undefined };
/** An answer with the text that was painted: that of the field may be another by now. */
type Painted = WholeAnswer<Pictures> & { prompt: string };

/** Pictures of a text. */
export function ImagePanel({ models, apiKey, onKey }: PanelProps) {
  const words = useSpeech().texts.playground;
  const [order, setOrder] = useState<PictureOrder>({
    model: models[0] ?? '',
    prompt: words.examplePrompt,
    n: 1,
    size: '',
    seed: undefined,
  });
  const body = saidOf(order);
  const asking = useAsking<Painted>(async (signal, show) => {
    const answer = await askModel({ path: PATH, body, key: apiKey, signal, read: readPictures });
    show({ ...answer, prompt: order.prompt });
  });
  const set = (change: Partial<PictureOrder>) => setOrder({ ...order, ...change });
  const fields = (
    <>
      <LinesField label={words.picturePrompt} rows={2} value={order.prompt} onChange={(prompt) => set({ prompt })} />
      <div className="fields">
        <ModelField models={models} value={order.model} onChoose={(model) => set({ model })} />
        <NumberField
          label={words.pictureCount}
          min={1}
          max={MOST_PICTURES}
          value={order.n}
          onChange={(n) => set({ n })}
        />
        <TextField label={words.size} hint={words.ownSize} value={order.size} onChange={(size) => set({ size })} />
        <NumberField
          label={words.seed}
          hint={words.anySeed}
          min={0}
          value={order.seed}
          onChange={(seed) => set({ seed })}
        />
        <KeyField value={apiKey} onChange={onKey} />
      </div>
    </>
  );
  return (
    <AskPanel title={words.paint} asking={asking} call={{ path: PATH, body }} fields={fields}>
      {asking.answer !== undefined && <Gallery {...asking.answer} />}
    </AskPanel>
  );
}

async function readPictures(response: Response): Promise<Pictures> {
  const { data, size } = (await response.json()) as ImageResponse;
  return { pictures: data.map(({ b64_json }) => new Blob([base64ToBytes(b64_json)], { type: 'image/png' })), size };
}

function Gallery({ body: { pictures, size }, prompt, ...from }: Painted) {
  const { texts, show } = useSpeech();
  const words = texts.playground;
  return (
    <AnswerFrame>
      <div className="gallery">
        {pictures.map((bytes, place) => (
          <MadePicture
            // biome-ignore lint/suspicious/noArrayIndexKey: none of them moves
            key={place}
            bytes={bytes}
            filename={`picture-${place + 1}.png`}
            description={words.pictureOf(prompt, place + 1, pictures.length)}
          />
        ))}
      </div>
      <WholeAnswerFacts {...from}>
        <Fact name={words.size}>{show.text(size)}</Fact>
      </WholeAnswerFacts>
    </AnswerFrame>
  );
}
