import { type FormEvent, type ReactNode, useId } from 'react';

/** As long as any repository's name on a hub. */
const LONGEST_NAME = 200;

export type ModelNameFormProps = {
  name: string;
  words: { name: string; hint: string; look: string; looking: string };
  isAsking: boolean;
  /** Why the last look found nothing; a sentence. */
  refusal: string | false;
  onName(name: string): void;
  onLook(): void;
  /** What the look found. */
  children?: ReactNode;
};

/** Asks for the name of a model to look at before anything of it is downloaded. */
export function ModelNameForm({ name, words, isAsking, refusal, onName, onLook, children }: ModelNameFormProps) {
  const id = useId();
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (name.trim() !== '' && !isAsking) onLook();
  };
  return (
    <form className="field" onSubmit={submit} noValidate>
      <label htmlFor={id}>{words.name}</label>
      <span className="actions">
        <input
          id={id}
          className="input code grow"
          value={name}
          onChange={({ target }) => onName(target.value)}
          autoComplete="off"
          spellCheck={false}
          maxLength={LONGEST_NAME}
          aria-describedby={`${id}-hint ${id}-error`}
        />
        <button type="submit" className="button" disabled={name.trim() === ''}>
          {isAsking ? words.looking : words.look}
        </button>
      </span>
      <p className="hint" id={`${id}-hint`}>
        {words.hint}
      </p>
      <p className="error" id={`${id}-error`} role="alert">
        {refusal}
      </p>
      {children}
    </form>
  );
}
