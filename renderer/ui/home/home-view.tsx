import type { AppState } from '../../../shared/ipc/app-state.ts';
import { ask, useAnswer } from '../bridge.ts';
import { useSpeech } from '../locale.ts';
import { JobsCard } from './jobs-card.tsx';
import { Notices } from './notices.tsx';
import { QuestionsCard } from './questions-card.tsx';
import { StatusCard } from './status-card.tsx';
import { TodayCard } from './today-card.tsx';

/** What happens now, why, and what can be done about it. */
export function HomeView({ state }: { state: AppState }) {
  const { texts } = useSpeech();
  // Each job that ends is one more for today.
  const [today] = useAnswer(() => ask('listDays', { days: 1 }), state.jobs.map(({ job }) => job).join()) ?? [];
  return (
    <>
      <h1 className="visually-hidden">{texts.views.home}</h1>
      <StatusCard state={state} />
      <QuestionsCard questions={state.questions} />
      <Notices state={state} />
      <TodayCard state={state} today={today} />
      <JobsCard state={state} />
    </>
  );
}
