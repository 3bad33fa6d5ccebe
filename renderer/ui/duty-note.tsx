import type { AppState } from '../../shared/ipc/app-state.ts';
import { useSpeech } from './locale.ts';

/** Why figures are lower than the machine could make them, where its owner wants it so. */
export function DutyNote({ state: { duty } }: { state: Pick<AppState, 'duty'> }) {
  const { texts, show } = useSpeech();
  const { here, away } = duty;
  if (here === FULL && away === FULL) return null;
  return <p className="hint">{texts.duty(show.number(here), show.number(away))}</p>;
}

/** Per cent of the time. */
const FULL = 100;
