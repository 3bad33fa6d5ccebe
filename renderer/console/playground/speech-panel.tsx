import { useState } from 'react';
import { TextField } from '../fields.tsx';
import { Fact } from '../parts.tsx';
import { useSpeech } from '../speech.ts';
import { KeyField, LinesField, ModelField, NumberField } from './ask-fields.tsx';
import { askModel, type WholeAnswer } from './ask-model.ts';
import { AnswerFrame, AskPanel } from './ask-panel.tsx';
import { type PanelProps, saidOf, useAsking } from './asking.ts';
import { MadeSound } from './made-files.tsx';
import { WholeAnswerFacts } from './whole-answer-facts.tsx';

const PATH = '/v1/audio/speech';
/** What models without a choice of voices speak in; clients of OpenAI must name one. */
const USUAL_VOICE = 'default';
const [SLOWEST, FASTEST, SPEED_STEP] = [0.25, 4, 0.05];

type SpeechOrder = { model: string; input: string; voice: string; speed: number | undefined };

/** A text, spoken. */
export function SpeechPanel({ models, apiKey, onKey }: PanelProps) {
  const words = useSpeech().texts.playground;
  const [order, setOrder] = useState<SpeechOrder>({
    model: models[0] ?? '',
    input: words.exampleSpeech,
    voice: '',
    speed: undefined,
  });
  const body = saidOf({ ...order, voice: order.voice.trim() || USUAL_VOICE });
  const asking = useAsking<WholeAnswer<Blob>>(async (signal, show) =>
    show(await askModel({ path: PATH, body, key: apiKey, signal, read: (response) => response.blob() })),
  );
  const set = (change: Partial<SpeechOrder>) => setOrder({ ...order, ...change });
  const speeds = { min: SLOWEST, max: FASTEST, step: SPEED_STEP };
  const fields = (
    <>
      <LinesField label={words.toSpeak} value={order.input} onChange={(input) => set({ input })} />
      <div className="fields">
        <ModelField models={models} value={order.model} onChoose={(model) => set({ model })} />
        <TextField label={words.voice} hint={USUAL_VOICE} value={order.voice} onChange={(voice) => set({ voice })} />
        <NumberField {...speeds} label={words.rate} hint="1" value={order.speed} onChange={(speed) => set({ speed })} />
        <KeyField value={apiKey} onChange={onKey} />
      </div>
    </>
  );
  return (
    <AskPanel title={words.speak} asking={asking} call={{ path: PATH, body }} fields={fields}>
      {asking.answer !== undefined && <Spoken {...asking.answer} />}
    </AskPanel>
  );
}

function Spoken({ body, ...from }: WholeAnswer<Blob>) {
  const { texts, show } = useSpeech();
  const words = texts.playground;
  return (
    <AnswerFrame>
      <MadeSound bytes={body} filename="speech.wav" label={words.spoken} />
      <WholeAnswerFacts {...from}>
        <Fact name={words.fileSize}>{show.bytes(body.size)}</Fact>
      </WholeAnswerFacts>
    </AnswerFrame>
  );
}
