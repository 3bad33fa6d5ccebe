import { type FormEvent, useId, useState } from 'react';
import type { Locale } from '../language/locales.ts';
import { PictureField } from '../qr/picture-field.tsx';
import type { ShownProblem } from './node-messages.ts';
import type { Strings } from './strings.ts';

export type PairFormProps = {
  strings: Strings;
  locale: Locale;
  firstName: string;
  firstCode: string;
  /** Whether the relay trusts this machine without a code. */
  isRelayHere: boolean;
  isBusy: boolean;
  problem: ShownProblem | null;
  onJoin(name: string, code: string): void;
};

export function PairForm(props: PairFormProps) {
  const { strings, locale, isRelayHere, isBusy, problem } = props;
  const [name, setName] = useState(props.firstName);
  const [code, setCode] = useState(props.firstCode);
  const id = useId();
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    props.onJoin(name.trim(), code.trim());
  };
  return (
    <section className="card pair" aria-labelledby={`${id}-title`}>
      <h2 id={`${id}-title`}>{strings.join.title}</h2>
      <p className="quiet">{strings.join.intro}</p>
      <form onSubmit={submit}>
        <div className="field">
          <label htmlFor={`${id}-code`}>{strings.join.code}</label>
          <input
            id={`${id}-code`}
            className="input code"
            value={code}
            onChange={(event) => setCode(event.target.value)}
            required={!isRelayHere}
            maxLength={1_024}
            autoComplete="off"
            autoCapitalize="characters"
            spellCheck={false}
            aria-describedby={`${id}-code-hint ${id}-problem`}
            aria-invalid={problem !== null}
          />
          <p className="hint" id={`${id}-code-hint`}>
            {strings.join.codeHint} {isRelayHere && strings.join.codeHintHere}
          </p>
          <div id={`${id}-problem`} role="alert">
            {problem !== null && (
              <p className="notice" data-kind="danger">
                {strings.problem(problem)}
              </p>
            )}
          </div>
        </div>
        <PictureField locale={locale} onInvitation={setCode} />
        <div className="field">
          <label htmlFor={`${id}-name`}>{strings.join.name}</label>
          <input
            id={`${id}-name`}
            className="input"
            value={name}
            onChange={(event) => setName(event.target.value)}
            required
            maxLength={64}
            autoComplete="off"
            aria-describedby={`${id}-name-hint`}
          />
          <p className="hint" id={`${id}-name-hint`}>
            {strings.join.nameHint}
          </p>
        </div>
        <button type="submit" className="button" data-kind="primary" disabled={isBusy}>
          {strings.join.submit}
        </button>
      </form>
      <ul className="facts">
        {strings.join.facts.map((fact) => (
          <li key={fact}>{fact}</li>
        ))}
      </ul>
    </section>
  );
}
