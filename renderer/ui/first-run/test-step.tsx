import { useEffect, useRef } from 'react';
import type { AppState } from '../../../shared/ipc/app-state.ts';
import { ask } from '../bridge.ts';
import { useSpeech } from '../locale.ts';
import { TestResults, useMachineTest } from '../machine/test-card.tsx';

/** Looks at the machine by itself, once the person is here; they need not wait for it. */
export function TestStep({ state, onDone }: { state: AppState; onDone(): void }) {
  const { texts } = useSpeech();
  const words = texts.setup.test;
  const { start, refusal } = useMachineTest();
  const heading = useRef<HTMLHeadingElement>(null);
  const { running, result } = state.machineTest;
  const isBegun = useRef(false);
  // biome-ignore lint/correctness/useExhaustiveDependencies: begun once, when the step is shown.
  useEffect(() => {
    heading.current?.focus();
    // Who contributes already is not interrupted for it.
    if (isBegun.current || running || result !== null || state.contributing) return;
    isBegun.current = true;
    start();
  }, []);
  const leave = (): void => {
    if (running) void ask('stopMachineTest').catch(() => undefined);
    onDone();
  };
  return (
    <section className="card section" aria-labelledby="test-step-title">
      <h2 id="test-step-title" ref={heading} tabIndex={-1}>
        {words.title}
      </h2>
      <p className="hint">{words.intro}</p>
      <TestResults state={state} />
      {refusal !== undefined && (
        <p className="notice" data-kind="warn" role="alert">
          {texts.problem(refusal)}
        </p>
      )}
      <p className="actions">
        <button type="button" className="button" data-kind="primary" onClick={leave}>
          {running ? words.dontWait : words.next}
        </button>
      </p>
    </section>
  );
}
