import { useEffect, useRef, useState } from 'react';
import type { AppState } from '../../../shared/ipc/app-state.ts';
import { ask, type Refusal, refusalOf } from '../bridge.ts';
import { useSpeech } from '../locale.ts';

export type DoneStepProps = { state: AppState; onLeave(): void; onPair(): void };

/** What was decided, and the one button that begins. Nothing contributes before it is pressed. */
export function DoneStep({ state: { relay, gpu }, onLeave, onPair }: DoneStepProps) {
  const { texts } = useSpeech();
  const words = texts.setup.done;
  const [refusal, setRefusal] = useState<Refusal>();
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus(), []);
  const isPaired = relay.state !== 'unpaired';
  const start = (): void => {
    ask('contribute').then(onLeave, (error: unknown) => setRefusal(refusalOf(error)));
  };
  return (
    <section className="card" aria-labelledby="done-title">
      <h2 id="done-title" ref={heading} tabIndex={-1}>
        {words.title}
      </h2>
      <ul className="facts">
        <li>{relay.state === 'unpaired' ? words.unpaired : words.paired(relay.relay)}</li>
        <li>
          {gpu === null ? words.gpuLater : gpu.usable ? words.gpu(gpu.description || gpu.vendor) : texts.notices.noGpu}
        </li>
      </ul>
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
