/** What every panel of the playground asks a person for. */
import { ChoiceField, TextField } from '../fields.tsx';
import { Field } from '../parts.tsx';
import { useSpeech } from '../speech.ts';

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
  const words = useSpeech().texts.playground;
  return (
    <ChoiceField
      label={words.model}
      value={value}
      options={models.includes(value) ? models : [value, ...models]}
      nameOf={(name) => (models.includes(name) ? name : words.notServed(name))}
      onChoose={onChoose}
    />
  );
}

export function KeyField({ value, onChange }: { value: string; onChange(key: string): void }) {
  const words = useSpeech().texts.playground;
  return (
    <TextField
      type="password"
      autoComplete="off"
      isCode
      label={words.key}
      hint={words.keyHint}
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
