import { useEffect, useMemo, useState } from 'react';
import type { OperatorSession } from '../../shared/api/admin-session.ts';
import type { Api } from './api.ts';
import { type Live, watchRelay } from './live.ts';
import { Shell } from './shell.tsx';
import { SignIn } from './sign-in.tsx';
import { SurroundingsContext } from './surroundings.ts';

type Access = 'unknown' | 'in' | 'out' | 'ended';

/** The console: signed in or not. */
export function ConsolePage({ api }: { api: Api }) {
  const [access, setAccess] = useState<Access>('unknown');
  useEffect(() => {
    api.get<OperatorSession>('/v1/admin/session').then(
      ({ expires_at }) => setAccess(expires_at === null ? 'out' : 'in'),
      () => setAccess('out'),
    );
  }, [api]);
  useEffect(() => api.onSignedOut(() => setAccess((was) => (was === 'in' ? 'ended' : was))), [api]);
  if (access === 'unknown') return null;
  if (access === 'in') return <SignedIn api={api} onSignedOut={setAccess} />;
  return <SignIn api={api} hasEnded={access === 'ended'} onSignedIn={() => setAccess('in')} />;
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
  const signOut = (): void => {
    const done = (): void => onSignedOut('out');
    api.remove('/v1/admin/session').then(done, done);
  };
  return (
    <SurroundingsContext value={surroundings}>
      <Shell onSignOut={signOut} />
    </SurroundingsContext>
  );
}
