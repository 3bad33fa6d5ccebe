import { Switch } from 'radix-ui';
import { createContext, type ReactNode, useContext, useId } from 'react';
import { useSpeech } from '../locale.ts';
import type { Draft, Faults, Place } from './draft.ts';

/** The form that the fields are of. */
export type Form = { draft: Draft; faults: Faults; change(draft: Draft): void };
export const FormContext = createContext<Form>({
  draft: { document: {} as never, texts: {} },
  faults: {},
  change: () => undefined,
});

export function Section({ title, hint, children }: { title: string; hint?: string; children: ReactNode }) {
  const id = useId();
  return (
    <section className="card section" aria-labelledby={id}>
      <h2 id={id}>{title}</h2>
      {hint !== undefined && <p className="hint">{hint}</p>}
      {children}
    </section>
  );
}

export type SwitchFieldProps = { label: string; hint?: string; isOn: boolean; onChange(isOn: boolean): void };

export function SwitchField({ label, hint, isOn, onChange }: SwitchFieldProps) {
  const id = useId();
  return (
    <div className="switch-field">
      <div>
        <label htmlFor={id}>{label}</label>
        {hint !== undefined && (
          <p className="hint" id={`${id}-hint`}>
            {hint}
          </p>
        )}
      </div>
      <Switch.Root
        id={id}
        className="switch"
        type="button"
        checked={isOn}
        onCheckedChange={onChange}
        aria-describedby={hint === undefined ? undefined : `${id}-hint`}
      >
        <Switch.Thumb className="switch-thumb" />
      </Switch.Root>
    </div>
  );
}

type TextFieldProps = { place: Place; label: string; hint?: string };

export function NumberField({ place, label, hint }: TextFieldProps) {
  const field = useTextField(place, hint);
  return (
    <div className="field">
      <label htmlFor={field.id}>{label}</label>
      <input {...field} className="input short" inputMode="decimal" autoComplete="off" />
      <FieldNotes place={place} id={field.id} hint={hint} />
    </div>
  );
}

export function NamesField({ place, label, hint }: TextFieldProps) {
  const field = useTextField(place, hint);
  return (
    <div className="field">
      <label htmlFor={field.id}>{label}</label>
      <textarea {...field} className="input code" rows={3} spellCheck={false} />
      <FieldNotes place={place} id={field.id} hint={hint} />
    </div>
  );
}

function useTextField(place: Place, hint: string | undefined) {
  const { draft, faults, change } = useContext(FormContext);
  const id = useId();
  const isWrong = Object.hasOwn(faults, place);
  return {
    id,
    value: draft.texts[place] ?? '',
    'aria-invalid': isWrong,
    'aria-describedby': `${hint === undefined ? '' : `${id}-hint `}${id}-error`,
    onChange: ({ target }: { target: { value: string } }) =>
      change({ ...draft, texts: { ...draft.texts, [place]: target.value } }),
  };
}

export function FieldNotes({ place, id, hint }: { place: Place; id: string; hint?: string | undefined }) {
  const { texts } = useSpeech();
  const { faults } = useContext(FormContext);
  const fault = faults[place];
  return (
    <>
      {hint !== undefined && (
        <p className="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
      <p className="error" id={`${id}-error`}>
        {fault !== undefined && `${texts.preferences.faults[fault]} ${texts.preferences.ranges[place] ?? ''}`}
      </p>
    </>
  );
}
