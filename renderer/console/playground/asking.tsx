/** What every panel of the playground has to ask a model. */
import { type FormEvent, type ReactNode, useEffect, useRef, useState } from 'react';
import { Problem } from '../../../shared/problems/problem.ts';
import { isProblemCode } from '../../../shared/problems/table.ts';
import { RelayProblem, sentenceOf } from '../api.ts';
import { ChoiceField, TextField } from '../fields.tsx';
import { Card, Field, Trouble } from '../parts.tsx';
import { STRINGS } from '../strings/strings.ts';

const TEXT = STRINGS.playground;

/** The models that can do what a panel asks, and the key of all panels: empty where the session pays. */
export type PanelProps = { models: readonly string[]; apiKey: string; onKey(key: string): void };

export type Asking<Answer> = {
  answer: Answer | undefined;
  /** Why there is none: of the relay, or said by the page before anything was sent. */
  problem: unknown;
  isBusy: boolean;
  ask(event: FormEvent): void;
  stop(): void;
};

/** One question at a time, which a person can give up; leaving the page gives it up, too. */
export function useAsking<Answer>(
  send: (signal: AbortSignal, show: (answer: Answer) => void) => Promise<void>,
): Asking<Answer> {
  const [answer, setAnswer] = useState<Answer>();
  const [problem, setProblem] = useState<unknown>(null);
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
      .catch((error: unknown) => controller.signal.aborted || setProblem(error))
      .finally(() => setBusy(false));
  };
  return { answer, problem, isBusy, ask, stop };
}

type AskCardProps = {
  title: string;
  asking: Asking<unknown>;
  fields: ReactNode;
  /** What stands below: the answer, once there is something of it. */
  children: ReactNode;
};

/** A question with what it is asked by, why it failed and what came of it. */
export function AskCard({ title, asking: { answer, problem, isBusy, ask, stop }, fields, children }: AskCardProps) {
  return (
    <Card title={title}>
      <form className="form" onSubmit={ask}>
        {fields}
        <AskButtons isBusy={isBusy} onStop={stop} />
      </form>
      <p role="status" className="quiet">
        {isBusy && answer === undefined && TEXT.underWay}
      </p>
      <Trouble problem={problem === null ? null : <Refusal problem={problem} />} />
      {children}
    </Card>
  );
}

/** The sentence, and the code that programs see, with the page that tells what to do about it. */
function Refusal({ problem }: { problem: unknown }) {
  const code = problem instanceof RelayProblem || problem instanceof Problem ? problem.code : undefined;
  return (
    <>
      {sentenceOf(problem)}{' '}
      {isProblemCode(code) && (
        <a className="code" href={`/problems/${code}`} target="_blank" rel="noreferrer">
          {code}
        </a>
      )}
    </>
  );
}

function AskButtons({ isBusy, onStop }: { isBusy: boolean; onStop(): void }) {
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

export type LinesFieldProps = { label: string; value: string; rows?: number; onChange(text: string): void };

export function LinesField({ label, value, rows = 4, onChange }: LinesFieldProps) {
  return (
    <Field label={label}>
      {(id) => (
        <textarea
          id={id}
          className="input"
          rows={rows}
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

export type NumberFieldProps = {
  label: string;
  hint?: string;
  min?: number;
  max?: number;
  step?: number;
  value: number | undefined;
  onChange(value: number | undefined): void;
};

/** A number that may be left out. */
export function NumberField({ value, onChange, ...field }: NumberFieldProps) {
  return (
    <TextField
      {...field}
      type="number"
      value={String(value ?? '')}
      onChange={(text) => onChange(text === '' ? undefined : Number(text))}
    />
  );
}

/** A request's members without those that were left out. */
export function saidOf<Body extends object>(body: Body): { [Name in keyof Body]?: Exclude<Body[Name], undefined> } {
  return Object.fromEntries(Object.entries(body).filter(([, value]) => value !== undefined && value !== '')) as never;
}
