import { Activity, useEffect, useMemo, useState } from 'react';
import type { OperatorSession } from '../../shared/api/admin-session.ts';
import { useLocale } from '../language/use-locale.ts';
import { type Api, RelayProblem } from './api.ts';
import { type Live, watchRelay } from './live.ts';
import { Shell } from './shell.tsx';
import { SignIn } from './sign-in.tsx';
import { SpeechContext, speechOf } from './speech.ts';
import { SurroundingsContext } from './surroundings.ts';

type Access = 'unknown' | 'in' | 'out' | 'ended';

/** The console: signed in or not. What was being written when a session ended is still there when somebody has signed in again. */
export function ConsolePage({ api }: { api: Api }) {
  const [access, setAccess] = useState<Access>('unknown');
  const [locale, setLocale] = useLocale();
  const speech = useMemo(() => speechOf(locale, setLocale), [locale, setLocale]);
  useEffect(() => {
    api.get<OperatorSession>('/v1/admin/session').then(
      ({ expires_at }) => setAccess(expires_at === null ? 'out' : 'in'),
      () => setAccess('out'),
    );
  }, [api]);
  useEffect(() => api.onSignedOut(() => setAccess((was) => (was === 'in' ? 'ended' : was))), [api]);
  if (access === 'unknown') return null;
  return (
    <SpeechContext value={speech}>
      {access !== 'in' && <SignIn api={api} hasEnded={access === 'ended'} onSignedIn={() => setAccess('in')} />}
      {access !== 'out' && (
        <Activity mode={access === 'in' ? 'visible' : 'hidden'}>
          <SignedIn api={api} onSignedOut={setAccess} />
        </Activity>
      )}
    </SpeechContext>
  );
}

function SignedIn({ api, onSignedOut }: { api: Api; onSignedOut(how: 'out' | 'ended'): void }) {
  const [live, setLive] = useState<Live>();
  useEffect(() => {
    const watching = watchRelay(location.origin, {
      isSignedIn: async () => (await api.get<OperatorSession>('/v1/admin/session')).expires_at !== null,
      onSignedOut: () => onSignedOut('ended'),
    });
    setLive(watching);
    return () => watching.close();
  }, [api, onSignedOut]);
  const surroundings = useMemo(() => live && { api, live }, [api, live]);
  if (surroundings === undefined) return null;
  const signOut = async (): Promise<void> => {
    await api.remove('/v1/admin/session').catch(unlessOver);
    onSignedOut('out');
  };
  return (
    <SurroundingsContext value={surroundings}>
      <Shell onSignOut={signOut} />
    </SurroundingsContext>
  );
}

/** A session that the relay knows no more is as good as ended; whoever could not be asked may know it still. */
function unlessOver(error: unknown): void {
  if (!(error instanceof RelayProblem && error.status === 401)) throw error;
}
