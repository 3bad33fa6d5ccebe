/** What every panel of the playground has to ask a model. */
import { type FormEvent, useEffect, useRef, useState } from 'react';
import { sentenceOf } from './api.ts';
import { ChoiceField, TextField } from './fields.tsx';
import { Field } from './parts.tsx';
import { STRINGS } from './strings.ts';

const TEXT = STRINGS.playground;

/** The models that can do what a panel asks, and the key of all panels: empty where the session pays. */
export type PanelProps = { models: readonly string[]; apiKey: string; onKey(key: string): void };

export type Asking<Answer> = {
  answer: Answer | undefined;
  problem: string | null;
  isBusy: boolean;
  ask(event: FormEvent): void;
  stop(): void;
};

/** One question at a time, which a person can give up; leaving the page gives it up, too. */
export function useAsking<Answer>(
  send: (signal: AbortSignal, show: (answer: Answer) => void) => Promise<void>,
): Asking<Answer> {
  const [answer, setAnswer] = useState<Answer>();
  const [problem, setProblem] = useState<string | null>(null);
  const [isBusy, setBusy] = useState(false);
  const running = useRef<AbortController>(undefined);
  const stop = (): void => running.current?.abort();
  useEffect(() => () => running.current?.abort(), []);
  const ask = (event: FormEvent): void => {
    event.preventDefault();
    const controller = new AbortController();
    running.current = controller;
    setBusy(true);
    setProblem(null);
    setAnswer(undefined);
    send(controller.signal, setAnswer)
      .catch((error: unknown) => controller.signal.aborted || setProblem(sentenceOf(error)))
      .finally(() => setBusy(false));
  };
  return { answer, problem, isBusy, ask, stop };
}

export function AskButtons({ isBusy, onStop }: { isBusy: boolean; onStop(): void }) {
  return (
    <div className="actions">
      <button type="submit" className="button" data-kind="primary" disabled={isBusy}>
        {TEXT.send}
      </button>
      {isBusy && (
        <button type="button" className="button" onClick={onStop}>
          {TEXT.stop}
        </button>
      )}
    </div>
  );
}

export type LinesFieldProps = { label: string; value: string; onChange(text: string): void };

export function LinesField({ label, value, onChange }: LinesFieldProps) {
  return (
    <Field label={label}>
      {(id) => (
        <textarea
          id={id}
          className="input"
          rows={4}
          required
          value={value}
          onChange={({ target }) => onChange(target.value)}
        />
      )}
    </Field>
  );
}

/** The texts of a field that has one in each line. */
export function linesOf(text: string): string[] {
  return text.split('\n').flatMap((line) => (line.trim() === '' ? [] : [line.trim()]));
}

export type ModelFieldProps = { models: readonly string[]; value: string; onChoose(model: string): void };

/** A chosen model stays chosen while no node serves it, and is said to be so. */
export function ModelField({ models, value, onChoose }: ModelFieldProps) {
  return (
    <ChoiceField
      label={TEXT.model}
      value={value}
      options={models.includes(value) ? models : [value, ...models]}
      nameOf={(name) => (models.includes(name) ? name : TEXT.notServed(name))}
      onChoose={onChoose}
    />
  );
}

export function KeyField({ value, onChange }: { value: string; onChange(key: string): void }) {
  return (
    <TextField
      type="password"
      autoComplete="off"
      isCode
      label={TEXT.key}
      hint={TEXT.keyHint}
      value={value}
      onChange={onChange}
    />
  );
}
