import { type FormEvent, useId, useState } from 'react';
import type { OperatorSession } from '../../shared/api/admin-session.ts';
import type { Api } from './api.ts';
import { useDoing } from './asked.ts';
import { LanguageFoot } from './language-foot.tsx';
import { Trouble } from './parts.tsx';
import { useSpeech } from './speech.ts';

/** The admin token is sent once and kept nowhere; the browser holds a cookie from then on. */
export function SignIn({ api, hasEnded, onSignedIn }: { api: Api; hasEnded: boolean; onSignedIn(): void }) {
  const [token, setToken] = useState('');
  const { isBusy, problem, run } = useDoing();
  const id = useId();
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    run(async () => {
      await api.post<OperatorSession>('/v1/admin/session', { token: token.trim() });
      onSignedIn();
    });
  };
  const { texts } = useSpeech();
  const { signIn } = texts;
  return (
    <main className="sign-in">
      <h1>{signIn.title}</h1>
      <p className="quiet">{texts.relay(location.host)}</p>
      <form className="card form" onSubmit={submit}>
        {hasEnded && (
          <p className="notice" role="status">
            {signIn.ended}
          </p>
        )}
        <div className="field">
          <label htmlFor={id}>{signIn.token}</label>
          <input
            id={id}
            className="input code"
            type="password"
            autoComplete="current-password"
            required
            maxLength={256}
            value={token}
            onChange={({ target }) => setToken(target.value)}
            aria-describedby={`${id}-hint`}
            aria-invalid={problem !== null}
          />
          <p className="hint" id={`${id}-hint`}>
            {signIn.hint}
          </p>
        </div>
        <Trouble problem={problem} />
        <button type="submit" className="button" data-kind="primary" disabled={isBusy}>
          {signIn.submit}
        </button>
      </form>
      <LanguageFoot />
    </main>
  );
}
