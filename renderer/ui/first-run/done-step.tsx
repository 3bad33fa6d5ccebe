import { useEffect, useRef, useState } from 'react';
import type { AppState } from '../../../shared/ipc/app-state.ts';
import { ask, type Refusal, refusalOf } from '../bridge.ts';
import { useSpeech } from '../locale.ts';
import { LoginField } from '../preferences/login-field.tsx';

export type DoneStepProps = { state: AppState; onLeave(): void; onPair(): void };

/** What was decided, the last question, and the one button that begins. Nothing contributes before it is pressed. */
export function DoneStep({ state: { relay, gpu, startsAtLogin, hasTray }, onLeave, onPair }: DoneStepProps) {
  const { texts } = useSpeech();
  const { done: words, login } = texts.setup;
  const [refusal, setRefusal] = useState<Refusal>();
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus(), []);
  const isPaired = relay.state !== 'unpaired';
  const start = (): void => {
    ask('contribute').then(onLeave, (error: unknown) => setRefusal(refusalOf(error)));
  };
  return (
    <section className="card section" aria-labelledby="done-title">
      <h2 id="done-title" ref={heading} tabIndex={-1}>
        {words.title}
      </h2>
      <ul className="facts">
        <li>{'relay' in relay ? words.paired(relay.relay) : isPaired ? words.locked : words.unpaired}</li>
        <li>
          {gpu === null ? words.gpuLater : gpu.usable ? words.gpu(gpu.description || gpu.vendor) : texts.notices.noGpu}
        </li>
      </ul>
      <LoginField startsAtLogin={startsAtLogin} hint={hasTray ? login.hint : login.hintWithoutTray} />
      <p className="actions">
        {isPaired ? (
          <button type="button" className="button" data-kind="primary" onClick={start}>
            {words.start}
          </button>
        ) : (
          <button type="button" className="button" data-kind="primary" onClick={onPair}>
            {words.back}
          </button>
        )}
        <button type="button" className="button" onClick={onLeave}>
          {words.home}
        </button>
      </p>
      {refusal !== undefined && (
        <p className="notice" data-kind="danger" role="alert">
          {texts.problem(refusal)}
        </p>
      )}
    </section>
  );
}
