import type { AppState } from '../../../shared/ipc/app-state.ts';
import { ask, useNow } from '../bridge.ts';
import { useSpeech } from '../locale.ts';
import { clockOf } from './status.ts';

/** Jobs that wait for a person, as their owner wanted. Nothing of their input is shown: it is not told to the window. */
export function QuestionsCard({ questions }: { questions: AppState['questions'] }) {
  const { texts } = useSpeech();
  const now = useNow(1_000, questions.length > 0);
  if (questions.length === 0) return null;
  const answer = (id: string, allow: boolean): void => void ask('answerQuestion', { id, allow }).catch(() => undefined);
  return (
    <section className="card questions" role="alert" aria-labelledby="questions-title">
      <h2 id="questions-title">{texts.questions.title(questions.length)}</h2>
      <ul className="rows">
        {questions.map(({ id, type, model, client, endsAt }) => (
          <li key={id} className="row">
            <span>
              <strong>{texts.services[type] ?? type}</strong> · <code>{model}</code>
              <span className="hint">
                {texts.jobs.client(client)} · <span role="timer">{clockOf(endsAt - now)}</span>
              </span>
            </span>
            <span className="actions">
              <button type="button" className="button" data-kind="primary" onClick={() => answer(id, true)}>
                {texts.questions.allow}
              </button>
              <button type="button" className="button" onClick={() => answer(id, false)}>
                {texts.questions.refuse}
              </button>
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}
