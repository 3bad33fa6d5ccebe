import type { AppState } from '../../../shared/ipc/app-state.ts';
import { useSpeech } from '../locale.ts';

type Update = AppState['update'];

/** Where updates stand, in a sentence, with what to do; what a system said is shown as it said it. */
export function UpdateLine({ update }: { update: Update }) {
  const { texts, show } = useSpeech();
  const { updates } = texts;
  switch (update.state) {
    case 'off':
      return null;
    case 'current':
      return update.checkedAt === null ? updates.never : updates.newest(show.moment(update.checkedAt));
    case 'looking':
      return updates.looking;
    case 'fetching':
      return updates.fetching(update.version);
    case 'ready':
      return update.isWanted ? updates.waits(update.version) : updates.ready(update.version);
    case 'failed':
      return <FailedLine failed={update} />;
  }
}

function FailedLine({ failed: { step, version, reason } }: { failed: Extract<Update, { state: 'failed' }> }) {
  const { updates } = useSpeech().texts;
  return (
    <>
      {step === 'look' ? updates.failed.look : updates.failed[step](version ?? '')} {updates.said} <code>{reason}</code>
    </>
  );
}
