import type { AppState } from '../../../shared/ipc/app-state.ts';
import { useNow } from '../bridge.ts';
import { useSpeech } from '../locale.ts';
import { clockOf } from './status.ts';

export function JobsCard({ state: { jobs, contributing } }: { state: AppState }) {
  const { texts, show } = useSpeech();
  const now = useNow(1_000, jobs.length > 0);
  return (
    <section className="card" aria-labelledby="jobs-title">
      <h2 id="jobs-title">{texts.jobs.title}</h2>
      {jobs.length === 0 && <p className="quiet">{contributing ? texts.jobs.none : texts.jobs.noneNow}</p>}
      {jobs.length > 0 && (
        <ul className="rows">
          {jobs.map(({ job, type, model, client, startedAt, outputTokens }) => (
            <li key={job} className="row">
              <span>
                <strong>{texts.services[type] ?? type}</strong> · <code>{model}</code>
                <span className="hint">{texts.jobs.client(client)}</span>
              </span>
              <span className="amount">
                {texts.jobs.tokens(show.number(outputTokens))}
                <span className="hint">{clockOf(now - startedAt)}</span>
              </span>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}
