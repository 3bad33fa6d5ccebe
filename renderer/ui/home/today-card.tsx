import { useEffect, useRef, useState } from 'react';
import type { AppState } from '../../../shared/ipc/app-state.ts';
import type { LedgerDay } from '../../../shared/ipc/ledger-views.ts';
import { Figure } from '../figure.tsx';
import { useSpeech } from '../locale.ts';
import { createTokenRate } from './token-rate.ts';

export type TodayCardProps = { state: AppState; today: LedgerDay | undefined };

export function TodayCard({ state, today }: TodayCardProps) {
  const { texts, show } = useSpeech();
  const rate = useTokenRate(state);
  const isToday = today !== undefined && today.day === dayOf(new Date());
  return (
    <section className="card" aria-labelledby="today-title">
      <h2 id="today-title">{texts.today.title}</h2>
      <dl className="figures">
        <Figure name={texts.today.speed} value={rate === null ? null : show.fine(rate)} unknown={texts.notYet} />
        <Figure
          name={texts.today.jobs}
          value={show.number(isToday ? today.jobs - today.failedJobs : 0)}
          unknown={texts.notYet}
        />
        <Figure
          name={texts.today.tokens}
          value={show.number(isToday ? today.outputTokens : 0)}
          unknown={texts.notYet}
        />
      </dl>
    </section>
  );
}

/** From one look of the app to the next; each brings another state while jobs run. */
function useTokenRate({ jobs }: AppState): number | null {
  const rate = useRef(createTokenRate());
  const [shown, setShown] = useState<number | null>(null);
  useEffect(() => setShown(rate.current.look(jobs, Date.now())), [jobs]);
  return shown;
}

/** As the ledger names days, by the machine's own calendar. */
function dayOf(date: Date): string {
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}
