import type { HTMLInputAutoCompleteAttribute, ReactNode } from 'react';
import { Field } from './parts.tsx';

export type TextFieldProps = {
  label: string;
  value: string;
  onChange(text: string): void;
  hint?: string;
  /** Ids, keys and labels are written as code is. */
  isCode?: boolean;
  type?: 'text' | 'search' | 'password' | 'number';
  min?: number;
  max?: number;
  step?: number;
  maxLength?: number;
  required?: boolean;
  autoComplete?: HTMLInputAutoCompleteAttribute;
};

/** A line that a person types under its label. */
export function TextField({ label, hint, isCode = false, onChange, ...input }: TextFieldProps) {
  return (
    <Field label={label}>
      {(id) => (
        <input
          {...input}
          id={id}
          className={isCode ? 'input code' : 'input'}
          placeholder={hint}
          onChange={({ target }) => onChange(target.value)}
        />
      )}
    </Field>
  );
}

export type ChoiceFieldProps<Value extends string> = {
  label: string;
  value: Value;
  options: readonly Value[];
  /** What each is called; its own name where that is left out. */
  nameOf?: (value: Value) => ReactNode;
  onChoose(value: Value): void;
};

/** One of several, under its label. */
export function ChoiceField<Value extends string>(props: ChoiceFieldProps<Value>) {
  const { label, value, options, nameOf = (name) => name, onChoose } = props;
  return (
    <Field label={label}>
      {(id) => (
        <select id={id} className="input" value={value} onChange={({ target }) => onChoose(target.value as Value)}>
          {options.map((option) => (
            <option key={option} value={option}>
              {nameOf(option)}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}
