import { type ReactNode, useRef } from 'react';
import { LIMITS } from '../../../shared/protocol/limits.ts';
import { Field, Trouble, useNow } from '../parts.tsx';
import { useSpeech } from '../speech.ts';
import { ChosenSound } from './made-files.tsx';
import { useRecorder } from './recorder.ts';

/** What nodes decode; a person may choose otherwise. */
const KINDS = 'audio/*,video/webm,video/mp4,.flac,.ogg,.opus';

export type RecordingFieldProps = { value: File | undefined; onChange(recording: File | undefined): void };

/** A recording: a file, or one that is made here. */
export function RecordingField({ value, onChange }: RecordingFieldProps) {
  const { texts, show } = useSpeech();
  const words = texts.playground;
  const input = useRef<HTMLInputElement>(null);
  const onRecorded = (file: File): void => {
    // Its name would stand beside a recording that is another.
    if (input.current !== null) input.current.value = '';
    onChange(file);
  };
  return (
    <>
      <Field label={words.file}>
        {(id) => (
          <input
            ref={input}
            id={id}
            type="file"
            className="input"
            accept={KINDS}
            onChange={({ target }) => onChange(target.files?.[0])}
          />
        )}
      </Field>
      <Microphone onRecorded={onRecorded} />
      {value !== undefined && (
        <div className="made">
          <p className="hint">{words.chosen(value.name, show.bytes(value.size))}</p>
          <ChosenSound bytes={value} label={value.name} />
        </div>
      )}
    </>
  );
}

function Microphone({ onRecorded }: { onRecorded(file: File): void }) {
  const words = useSpeech().texts.playground;
  const recorder = useRecorder({ mostBytes: LIMITS.maxRecordingBytes, onEnd: onRecorded });
  const { since, isAsking, problem, start, stop } = recorder;
  return (
    <>
      <div className="actions">
        <button type="button" className="button" disabled={isAsking} onClick={since === null ? start : stop}>
          {since === null ? words.record : words.endRecording}
        </button>
        {since !== null && <Elapsed since={since} />}
      </div>
      <Trouble problem={problem} />
    </>
  );
}

/** Not read out each second. */
function Elapsed({ since }: { since: number }): ReactNode {
  const { texts, show } = useSpeech();
  const words = texts.playground;
  const now = useNow(1_000);
  return <span role="timer">{words.recordingFor(show.duration(Math.round((now - since) / 1_000) * 1_000))}</span>;
}
