import { useState } from 'react';
import type { TranscriptionResponse } from '../../../shared/api/audio.ts';
import { LIMITS } from '../../../shared/protocol/limits.ts';
import { OwnProblem } from '../api.ts';
import { ChoiceField, TextField } from '../fields.tsx';
import { Fact, Table } from '../parts.tsx';
import { useSpeech } from '../speech.ts';
import { KeyField, ModelField } from './ask-fields.tsx';
import { askModel, readJson, type WholeAnswer } from './ask-model.ts';
import { AnswerFrame, AskPanel } from './ask-panel.tsx';
import { type PanelProps, saidOf, useAsking } from './asking.ts';
import { RecordingField } from './recording-field.tsx';
import { streamTranscript } from './transcript-stream.ts';
import { WholeAnswerFacts } from './whole-answer-facts.tsx';

const PATHS = { spoken: '/v1/audio/transcriptions', english: '/v1/audio/translations' } as const;
const INTO = ['spoken', 'english'] as const satisfies readonly (keyof typeof PATHS)[];
/** Stands for the recording in what is copied, until one is chosen. */
const NO_FILE = 'speech.wav';
const TIMES = ['none', 'segment', 'word'] as const;
type Times = (typeof TIMES)[number];
const DIGITS = 2;

type TranscriptionOrder = { model: string; language: string; times: Times; into: keyof typeof PATHS };
type Heard = Partial<TranscriptionResponse> & { text: string };

/** What is said in a recording. */
export function TranscriptionPanel({ models, apiKey, onKey }: PanelProps) {
  const words = useSpeech().texts.playground;
  const [order, setOrder] = useState<TranscriptionOrder>({
    ...{ model: models[0] ?? '', language: '' },
    ...{ times: 'segment', into: 'spoken' },
  });
  const [recording, setRecording] = useState<File>();
  const members = membersOf(order);
  const path = PATHS[order.into];
  const asking = useAsking<WholeAnswer<Heard>>(async (signal, show) => {
    const question = { path, body: await formOf(members, recording), key: apiKey, signal };
    if (members.stream) await streamTranscript(question, show);
    else show(await askModel({ ...question, read: readJson<TranscriptionResponse> }));
  });
  const set = (change: Partial<TranscriptionOrder>) => setOrder({ ...order, ...change });
  const fields = (
    <>
      <RecordingField value={recording} onChange={setRecording} />
      <div className="fields">
        <ModelField models={models} value={order.model} onChoose={(model) => set({ model })} />
        <TextField
          label={words.language}
          hint={words.languageHint}
          value={order.language}
          onChange={(language) => set({ language })}
        />
        <ChoiceField
          label={words.into}
          value={order.into}
          options={INTO}
          nameOf={(into) => words.intoOf[into]}
          onChoose={(into) => set({ into })}
        />
        <ChoiceField
          label={words.times}
          value={order.times}
          options={TIMES}
          nameOf={(times) => words.timesOf[times]}
          onChoose={(times) => set({ times })}
        />
        <KeyField value={apiKey} onChange={onKey} />
      </div>
    </>
  );
  return (
    <AskPanel
      title={words.writeDown}
      asking={asking}
      call={{ path, body: members, file: recording?.name ?? NO_FILE }}
      fields={fields}
    >
      {asking.answer !== undefined && <Transcript {...asking.answer} isBusy={asking.isBusy} />}
    </AskPanel>
  );
}

/** Times are known in the end; without them the text comes as it is heard, which OpenAI's clients do for no translation. */
function membersOf({ model, language, times, into }: TranscriptionOrder) {
  const isTimed = times !== 'none';
  return saidOf({
    ...{ model, language: language.trim() },
    response_format: isTimed ? 'verbose_json' : undefined,
    timestamp_granularities: isTimed ? [times] : undefined,
    stream: isTimed || into === 'english' ? undefined : true,
  });
}

/** Throws before anything is sent that would be refused for its size, or cannot be read. */
async function formOf(members: object, recording: File | undefined): Promise<FormData> {
  if (recording === undefined)
    throw new OwnProblem(({ texts }) => texts.playground.noRecording, 'missing_required_parameter');
  const most = LIMITS.maxRecordingBytes;
  if (recording.size > most) {
    throw new OwnProblem(
      ({ texts, show }) => texts.playground.tooLarge(show.bytes(recording.size), show.bytes(most)),
      'file_too_large',
    );
  }
  // A file that was moved or written since would fail as if the relay were away.
  const bytes = await recording.arrayBuffer().catch(() => {
    throw new OwnProblem(({ texts }) => texts.playground.fileGone, 'invalid_audio');
  });
  const form = new FormData();
  for (const [name, value] of Object.entries(members)) {
    if (Array.isArray(value)) for (const each of value) form.append(`${name}[]`, each);
    else form.append(name, String(value));
  }
  form.append('file', new Blob([bytes], { type: recording.type }), recording.name);
  return form;
}

function Transcript({ body, isBusy, ...from }: WholeAnswer<Heard> & { isBusy: boolean }) {
  const { texts, show } = useSpeech();
  const words = texts.playground;
  const { text, duration, segments } = body;
  const seconds = (value: number): string => words.inSeconds(value.toFixed(DIGITS));
  const spoken = body.words?.map(({ word, ...times }) => ({ text: word, ...times })) ?? segments ?? [];
  return (
    <AnswerFrame>
      <p className="answer-text" aria-live="polite" aria-busy={isBusy}>
        {text === '' && !isBusy ? <span className="quiet">{words.nothingHeard}</span> : text}
      </p>
      {spoken.length > 0 && (
        <Table label={words.parts} heads={[words.from, words.to, words.text]}>
          {spoken.map(({ start, end, text }, place) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: none of them moves
            <tr key={place}>
              <th scope="row" className="number">
                {seconds(start)}
              </th>
              <td className="number">{seconds(end)}</td>
              <td>{text}</td>
            </tr>
          ))}
        </Table>
      )}
      <WholeAnswerFacts {...from}>
        {duration !== undefined && <Fact name={words.soundLength}>{words.inSeconds(show.count(duration))}</Fact>}
      </WholeAnswerFacts>
    </AnswerFrame>
  );
}
