import type { AppState } from '../../../shared/ipc/app-state.ts';
import type { LedgerDay } from '../../../shared/ipc/ledger-views.ts';
import { useNow } from '../bridge.ts';
import { DutyNote } from '../duty-note.tsx';
import { Figure } from '../figure.tsx';
import { useSpeech } from '../locale.ts';
import { forecastOf } from './forecast.ts';

const MINUTE_MS = 60_000;

/** What a day is likely to bring, beside what the last one brought; nothing before it means something. */
export function ForecastCard({ days, state }: { days: readonly LedgerDay[]; state: AppState }) {
  const { texts, show } = useSpeech();
  const words = texts.contributions.forecast;
  const forecast = forecastOf(days, useNow(MINUTE_MS, true));
  if (forecast === undefined) return <p className="notice">{words.tooEarly}</p>;
  const { tokens, credits, lastTokens, lastCredits } = forecast;
  const hasCredits = days.some((day) => day.credits > 0);
  const figures: [string, string][] = [
    [words.tokens, show.number(tokens)],
    [words.lastTokens, show.number(lastTokens)],
    ...(hasCredits
      ? ([
          [words.credits, show.fine(credits)],
          [words.lastCredits, show.fine(lastCredits)],
        ] as [string, string][])
      : []),
  ];
  return (
    <section className="card section" aria-labelledby="forecast-title">
      <h2 id="forecast-title">{words.title}</h2>
      <p className="hint">{words.basis(show.number(forecast.days))}</p>
      <dl className="figures">
        {figures.map(([name, value]) => (
          <Figure key={name} name={name} value={value} unknown={texts.notYet} />
        ))}
      </dl>
      <DutyNote state={state} />
      <details>
        <summary>{words.why}</summary>
        <ul className="facts">
          {words.reasons.map((reason) => (
            <li key={reason}>{reason}</li>
          ))}
        </ul>
      </details>
    </section>
  );
}
