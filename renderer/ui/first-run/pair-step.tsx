import { type FormEvent, useId, useState } from 'react';
import { PictureField } from '../../qr/picture-field.tsx';
import { ask, type Refusal, refusalOf } from '../bridge.ts';
import { useSpeech } from '../locale.ts';

/** Pairs by a link, a code or a picture of one, which fills in the form. What was typed goes to the app alone, and is forgotten with this form. */
export function PairStep({ onPaired }: { onPaired(): void }) {
  const { texts, locale } = useSpeech();
  const words = texts.setup.pair;
  const [invitation, setInvitation] = useState('');
  const [relayUrl, setRelayUrl] = useState('');
  const [isBusy, setBusy] = useState(false);
  const [refusal, setRefusal] = useState<Refusal>();
  const isLink = invitation.trim().includes(':');
  const fillIn = (text: string): void => {
    setRefusal(undefined);
    setInvitation(text);
  };
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    setBusy(true);
    setRefusal(undefined);
    ask('pair', { invitation: invitation.trim(), ...(isLink ? {} : { relayUrl: relayUrl.trim() }) })
      .then(onPaired, (error: unknown) => setRefusal(refusalOf(error)))
      .finally(() => setBusy(false));
  };
  const isRelayWrong = refusal?.param === 'relayUrl';
  return (
    <section className="card" aria-labelledby="pair-title">
      <h2 id="pair-title">{words.title}</h2>
      <p className="quiet">{words.intro}</p>
      <form className="form" onSubmit={submit}>
        <TextField
          label={words.invitation}
          hint={words.invitationHint}
          value={invitation}
          onChange={setInvitation}
          error={refusal !== undefined && !isRelayWrong ? texts.problem(refusal) : undefined}
        />
        {!isLink && (
          <TextField
            label={words.relay}
            hint={words.relayHint}
            value={relayUrl}
            onChange={setRelayUrl}
            error={isRelayWrong && refusal !== undefined ? texts.problem(refusal) : undefined}
          />
        )}
        <PictureField locale={locale} onInvitation={fillIn} />
        <button type="submit" className="button" data-kind="primary" disabled={isBusy}>
          {isBusy ? words.busy : words.submit}
        </button>
      </form>
      <ul className="facts">
        {words.facts.map((fact) => (
          <li key={fact}>{fact}</li>
        ))}
      </ul>
    </section>
  );
}

type TextFieldProps = {
  label: string;
  hint: string;
  value: string;
  onChange(value: string): void;
  error: string | undefined;
};

function TextField({ label, hint, value, onChange, error }: TextFieldProps) {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <input
        id={id}
        className="input code"
        value={value}
        onChange={({ target }) => onChange(target.value)}
        required
        maxLength={1_024}
        autoComplete="off"
        spellCheck={false}
        aria-describedby={`${id}-hint ${id}-error`}
        aria-invalid={error !== undefined}
      />
      <p className="hint" id={`${id}-hint`}>
        {hint}
      </p>
      <p className="error" id={`${id}-error`} role="alert">
        {error}
      </p>
    </div>
  );
}
