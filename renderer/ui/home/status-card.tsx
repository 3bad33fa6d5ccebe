import { useState } from 'react';
import type { AppState } from '../../../shared/ipc/app-state.ts';
import { contributingHelps } from '../../../shared/ipc/headline.ts';
import { ask, type Refusal, refusalOf, useNow } from '../bridge.ts';
import { useSpeech } from '../locale.ts';
import { goTo } from '../routes.ts';
import { PauseMenu } from './pause-menu.tsx';
import { clockOf, statusOf } from './status.ts';

export function StatusCard({ state }: { state: AppState }) {
  const { texts } = useSpeech();
  const { tone, title, why } = statusOf(state, texts);
  const [refusal, setRefusal] = useState<Refusal>();
  const attempt = (step: Promise<unknown>): void => {
    step.then(
      () => setRefusal(undefined),
      (error: unknown) => setRefusal(refusalOf(error)),
    );
  };
  return (
    <section className="card status" data-tone={tone} aria-label={texts.home.status}>
      <div className="status-line">
        <div role="status">
          <p className="status-title">
            <span className="dot" aria-hidden="true" />
            {title}
          </p>
          <p className="status-why">{why}</p>
          <WhyNoRelay state={state} />
        </div>
        <Countdown state={state} />
      </div>
      <Actions state={state} attempt={attempt} />
      {refusal !== undefined && (
        <p className="notice" data-kind="danger" role="alert">
          {texts.problem(refusal)}
        </p>
      )}
    </section>
  );
}

/** What is wrong, and what to do, where the line above can only say that the relay is waited for. */
function WhyNoRelay({ state: { code, relay } }: { state: AppState }) {
  const { texts } = useSpeech();
  if (code !== 'unreachable' || relay.state !== 'connecting' || relay.detail === undefined) return null;
  return (
    <p className="status-why">{texts.problem({ code: relay.code ?? 'relay_unreachable', message: relay.detail })}</p>
  );
}

/** Outside of the live region: a clock that spoke every second would say nothing else. */
function Countdown({ state }: { state: AppState }) {
  const { texts, show } = useSpeech();
  const { until, contributing } = state;
  const now = useNow(1_000, until !== null);
  if (until === null) return null;
  return (
    <p className="countdown">
      <strong role="timer">{clockOf(until - now)}</strong>
      <span>{contributing ? texts.home.untilThen(show.time(until)) : texts.home.resumesAt(show.time(until))}</span>
    </p>
  );
}

function Actions({ state, attempt }: { state: AppState; attempt(step: Promise<unknown>): void }) {
  const { texts } = useSpeech();
  const isUnpaired = state.relay.state === 'unpaired';
  return (
    <div className="actions">
      {isUnpaired && (
        <button type="button" className="button" data-kind="primary" onClick={() => goTo('setup')}>
          {texts.home.pair}
        </button>
      )}
      {!isUnpaired && contributingHelps(state) && (
        <button type="button" className="button" data-kind="primary" onClick={() => attempt(ask('contribute'))}>
          {texts.home.contribute}
        </button>
      )}
      <PauseMenu
        isPaused={state.wish.state === 'paused'}
        onPause={(length) => attempt(ask('pause', { for: length }))}
      />
      <button
        type="button"
        className="button"
        disabled={!state.contributing || state.wish.state === 'finish'}
        onClick={() => attempt(ask('finishThenPause'))}
      >
        {texts.home.finish}
      </button>
      <button type="button" className="button" disabled={!state.memoryHeld} onClick={() => attempt(ask('freeMemory'))}>
        {texts.home.free}
      </button>
    </div>
  );
}
