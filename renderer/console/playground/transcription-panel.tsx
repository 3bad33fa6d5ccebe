import { useState } from 'react';
import type { TranscriptionResponse } from '../../../shared/api/audio.ts';
import { Problem } from '../../../shared/problems/problem.ts';
import { LIMITS } from '../../../shared/protocol/limits.ts';
import { ChoiceField, TextField } from '../fields.tsx';
import { Fact, Table } from '../parts.tsx';
import { shownBytes, shownCount } from '../shown.ts';
import { STRINGS } from '../strings.ts';
import { askModel, readJson, type WholeAnswer } from './ask-model.ts';
import { AskCard, KeyField, ModelField, type PanelProps, saidOf, useAsking } from './asking.tsx';
import { RecordingField } from './recording-field.tsx';
import { Snippets } from './snippets-card.tsx';
import { WholeAnswerFacts } from './whole-answer-facts.tsx';

const TEXT = STRINGS.playground;
const PATH = '/v1/audio/transcriptions';
/** Stands for the recording in what is copied, until one is chosen. */
const NO_FILE = 'speech.wav';
const TIMES = ['none', 'segment', 'word'] as const;
type Times = (typeof TIMES)[number];

type TranscriptionOrder = { model: string; language: string; times: Times };

/** What is said in a recording. */
export function TranscriptionPanel({ models, apiKey, onKey }: PanelProps) {
  const [order, setOrder] = useState<TranscriptionOrder>({ model: models[0] ?? '', language: '', times: 'segment' });
  const [recording, setRecording] = useState<File>();
  const members = membersOf(order);
  const asking = useAsking<WholeAnswer<TranscriptionResponse>>(async (signal, show) => {
    const body = await formOf(members, recording);
    show(await askModel({ path: PATH, body, key: apiKey, signal, read: readJson<TranscriptionResponse> }));
  });
  const set = (change: Partial<TranscriptionOrder>) => setOrder({ ...order, ...change });
  const fields = (
    <>
      <RecordingField value={recording} onChange={setRecording} />
      <div className="fields">
        <ModelField models={models} value={order.model} onChoose={(model) => set({ model })} />
        <TextField
          label={TEXT.language}
          hint={TEXT.languageHint}
          value={order.language}
          onChange={(language) => set({ language })}
        />
        <ChoiceField
          label={TEXT.times}
          value={order.times}
          options={TIMES}
          nameOf={(times) => TEXT.timesOf[times]}
          onChoose={(times) => set({ times })}
        />
        <KeyField value={apiKey} onChange={onKey} />
      </div>
    </>
  );
  return (
    <>
      <AskCard title={TEXT.writeDown} asking={asking} fields={fields}>
        {asking.answer !== undefined && <Transcript {...asking.answer} />}
      </AskCard>
      <Snippets call={{ path: PATH, body: members, file: recording?.name ?? NO_FILE }} />
    </>
  );
}

function membersOf({ model, language, times }: TranscriptionOrder) {
  const wishes = times === 'none' ? {} : { response_format: 'verbose_json', timestamp_granularities: [times] };
  return saidOf({ model, language: language.trim(), ...wishes });
}

/** Throws before anything is sent that would be refused for its size, or cannot be read. */
async function formOf(members: object, recording: File | undefined): Promise<FormData> {
  if (recording === undefined) throw new Problem('missing_required_parameter', TEXT.noRecording);
  const most = LIMITS.maxRecordingBytes;
  if (recording.size > most) {
    throw new Problem('file_too_large', TEXT.tooLarge(shownBytes(recording.size), shownBytes(most)));
  }
  // A file that was moved or written since would fail as if the relay were away.
  const bytes = await recording.arrayBuffer().catch(() => {
    throw new Problem('invalid_audio', TEXT.fileGone);
  });
  const form = new FormData();
  for (const [name, value] of Object.entries(members)) {
    if (Array.isArray(value)) for (const each of value) form.append(`${name}[]`, each);
    else form.append(name, value);
  }
  form.append('file', new Blob([bytes], { type: recording.type }), recording.name);
  return form;
}

function Transcript({ body: { text, duration, segments, words }, ...from }: WholeAnswer<TranscriptionResponse>) {
  const spoken = words?.map(({ word, ...times }) => ({ text: word, ...times })) ?? segments ?? [];
  return (
    <div className="answer">
      <h3>{TEXT.answer}</h3>
      <p className="answer-text">{text === '' ? <span className="quiet">{TEXT.nothingHeard}</span> : text}</p>
      {spoken.length > 0 && (
        <Table label={TEXT.parts} heads={[TEXT.from, TEXT.to, TEXT.text]}>
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
        {duration !== undefined && <Fact name={TEXT.soundLength}>{TEXT.inSeconds(shownCount(duration))}</Fact>}
      </WholeAnswerFacts>
    </div>
  );
}

const DIGITS = 2;

function seconds(value: number): string {
  return TEXT.inSeconds(value.toFixed(DIGITS));
}
