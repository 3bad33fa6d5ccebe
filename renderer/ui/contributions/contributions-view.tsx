import { useMemo } from 'react';
import type { AppState } from '../../../shared/ipc/app-state.ts';
import { type Energy, energyOf, sumOfDays } from '../../../shared/ipc/ledger-sums.ts';
import type { LedgerDay } from '../../../shared/ipc/ledger-views.ts';
import { ask, useAnswer } from '../bridge.ts';
import { Figure } from '../figure.tsx';
import { useSpeech } from '../locale.ts';
import { DaysChart } from './days-chart.tsx';
import { everyDay } from './every-day.ts';
import { ForecastCard } from './forecast-card.tsx';

const DAYS = 90;
const MINUTE_MS = 60_000;

/** What this machine has given, day by day. A curve is drawn when there is one. */
export function ContributionsView({ state }: { state: AppState }) {
  const { texts, show } = useSpeech();
  const words = texts.contributions;
  const days = useAnswer(() => ask('listDays', { days: DAYS }), `${state.jobs.length} ${state.records.syncedAt}`);
  if (days === undefined) return <h1>{texts.views.contributions}</h1>;
  const sums = sumOfDays(days);
  const { jobs, failedJobs, outputTokens, busyMs, credits } = sums;
  const energy = energyOf(sums);
  const totals: [string, string | null][] = [
    [words.totals.jobs, show.number(jobs - failedJobs)],
    [words.totals.tokens, show.number(outputTokens)],
    [words.totals.hours, show.fine(busyMs / (60 * MINUTE_MS))],
    [words.totals.credits, credits === 0 ? null : show.fine(credits)],
    [words.totals.energy, energy === undefined ? null : show.wattHours(energy.wattHours)],
  ];
  return (
    <>
      <h1>{texts.views.contributions}</h1>
      <p className="quiet">{words.intro}</p>
      <dl className="card figures">
        {totals.map(([name, value]) => (
          <Figure key={name} name={name} value={value} unknown={texts.notYet} />
        ))}
      </dl>
      <EnergyNote energy={energy} isTold={state.drawIsTold} />
      <RecordsNote state={state} />
      {days.length < 2 ? <p className="notice">{words.tooEarly}</p> : <Charts days={days} />}
      {days.length >= 2 && <ForecastCard days={days} state={state} />}
      {days.length > 0 && <DaysTable days={days} />}
    </>
  );
}

/** How the figure was found, or why there is none. */
function EnergyNote({ energy, isTold }: { energy: Energy | undefined; isTold: boolean }) {
  const { texts, show } = useSpeech();
  const { energyBasis, energyTooEarly, energyUnknown } = texts.contributions;
  if (energy !== undefined)
    return <p className="hint">{energyBasis(show.number(energy.known), show.number(energy.jobs))}</p>;
  return <p className="hint">{isTold ? energyTooEarly : energyUnknown}</p>;
}

/** What is not counted yet, and why. */
function RecordsNote({ state: { records } }: { state: AppState }) {
  const { texts, show } = useSpeech();
  const words = texts.contributions.records;
  const { problem } = records;
  if (records.waiting === 0) return null;
  const isOwn = problem?.code === 'ledger_unusable';
  return (
    <p className="notice" role="status">
      {words.waiting(records.waiting, show.number(records.waiting))}{' '}
      {isOwn ? texts.problem(problem) : problem !== null && words.problem}
    </p>
  );
}

function Charts({ days }: { days: readonly LedgerDay[] }) {
  const { texts } = useSpeech();
  const words = texts.contributions;
  const { times, tokens, credits } = useMemo(() => everyDay(days), [days]);
  const hasCurve = days.filter((day) => day.credits > 0).length > 1;
  return (
    <>
      <DaysChart times={times} values={tokens} shape="bars" caption={words.chart} />
      {hasCurve && <DaysChart times={times} values={credits} shape="curve" caption={words.creditsChart} />}
    </>
  );
}

function DaysTable({ days }: { days: readonly LedgerDay[] }) {
  const { texts, show } = useSpeech();
  const { columns, table } = texts.contributions;
  return (
    <details className="card">
      <summary>{table}</summary>
      <table className="plain">
        <thead>
          <tr>
            {Object.values(columns).map((name) => (
              <th key={name} scope="col">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {days.map(({ day, jobs, failedJobs, outputTokens, busyMs, credits }) => (
            <tr key={day}>
              <th scope="row">{show.day(Date.parse(`${day}T12:00`))}</th>
              {[jobs, failedJobs, outputTokens, busyMs / MINUTE_MS, credits].map((value, index) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: columns stay where they are.
                <td key={index}>{show.fine(value)}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </details>
  );
}
