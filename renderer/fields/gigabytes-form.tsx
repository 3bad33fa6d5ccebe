import { type FormEvent, useId, useState } from 'react';

const GIGABYTE = 1e9;

export type GigabytesFormProps = {
  /** What holds now; `null` for no limit, which is an empty field. */
  bytes: number | null;
  /** Whether 0 is a limit, too. */
  allowsNone: boolean;
  /** In bytes; any where absent. */
  least?: number;
  most?: number;
  label: string;
  set: string;
  /** Of the button, where several fields look alike. */
  setFor?: string;
  hint: string;
  wrong: string;
  onChange(bytes: number | null): void;
};

/** A limit in gigabytes, written with a point or a comma; it holds once it is sent. */
export function GigabytesForm(props: GigabytesFormProps) {
  const {
    bytes,
    allowsNone,
    least = 0,
    most = Number.MAX_SAFE_INTEGER,
    label,
    set,
    setFor,
    hint,
    wrong,
    onChange,
  } = props;
  const id = useId();
  const kept = bytes === null ? '' : String(bytes / GIGABYTE);
  const [text, setText] = useState(kept);
  const value = text.trim() === '' ? null : Math.round(Number(text.trim().replace(',', '.')) * GIGABYTE);
  const isWrong = value !== null && !((allowsNone ? value >= 0 : value > 0) && value >= least && value <= most);
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (!isWrong) onChange(value);
  };
  return (
    <form className="field" onSubmit={submit} noValidate>
      <label htmlFor={id}>{label}</label>
      <span className="actions">
        <input
          id={id}
          className="input short"
          inputMode="decimal"
          autoComplete="off"
          value={text}
          aria-invalid={isWrong}
          aria-describedby={`${id}-hint`}
          onChange={({ target }) => setText(target.value)}
        />
        <button type="submit" className="button" aria-label={setFor} disabled={text === kept || isWrong}>
          {set}
        </button>
      </span>
      <p className="hint" id={`${id}-hint`}>
        {isWrong ? wrong : hint}
      </p>
    </form>
  );
}
