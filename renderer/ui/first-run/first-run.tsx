import { useEffect, useRef, useState } from 'react';
import type { AppState } from '../../../shared/ipc/app-state.ts';
import type { Preferences } from '../../../shared/preferences/preferences.ts';
import { ask, type Refusal, refusalOf } from '../bridge.ts';
import { useSpeech } from '../locale.ts';
import { goTo } from '../routes.ts';
import { withGames, withWhen } from './answers.ts';
import { DoneStep } from './done-step.tsx';
import { GamesStep } from './games-step.tsx';
import { PairStep } from './pair-step.tsx';
import { QuestionStep } from './question-step.tsx';
import { noteSetUp } from './set-up.ts';
import { TestStep } from './test-step.tsx';

const STEPS = ['pair', 'test', 'when', 'games', 'done'] as const;
type Step = (typeof STEPS)[number];

/** Five screens and six clicks at most from the first look to contributing; each step says how to skip it. */
export function FirstRun({ state }: { state: AppState }) {
  const { texts } = useSpeech();
  const [step, setStep] = useState<Step>('pair');
  const [refusal, setRefusal] = useState<Refusal>();
  // A step can end twice, by its own answer and by what the app tells; it is left once.
  const next = (): void => {
    setRefusal(undefined);
    setStep((from) => (from === step ? (STEPS[STEPS.indexOf(step) + 1] ?? 'done') : from));
  };
  const after = (done: Promise<unknown>): void =>
    void done.then(next, (error: unknown) => setRefusal(refusalOf(error)));
  usePairedElsewhere(state, step, next);
  const leave = (): void => {
    noteSetUp();
    goTo('home');
  };
  return (
    <div className="setup-steps">
      <header>
        <h1>{texts.setup.title}</h1>
        <p className="quiet">{texts.setup.step(STEPS.indexOf(step) + 1, STEPS.length)}</p>
        <progress className="progress" value={STEPS.indexOf(step) + 1} max={STEPS.length} aria-hidden="true" />
      </header>
      <StepCard key={step} step={step} state={state} after={after} leave={leave} back={() => setStep('pair')} />
      {refusal !== undefined && (
        <p className="notice" data-kind="danger" role="alert">
          {texts.problem(refusal)}
        </p>
      )}
      {step !== 'done' && (
        <p className="actions">
          <button type="button" className="button" onClick={next}>
            {texts.setup.skip}
          </button>
          <button type="button" className="button" data-kind="quiet" onClick={leave}>
            {texts.setup.skipAll}
          </button>
        </p>
      )}
    </div>
  );
}

type StepProps = {
  step: Step;
  state: AppState;
  /** The next step comes when that has succeeded. */
  after(done: Promise<unknown>): void;
  leave(): void;
  back(): void;
};

function StepCard({ step, state, after, leave, back }: StepProps) {
  const { texts } = useSpeech();
  const { when } = texts.setup;
  switch (step) {
    case 'pair':
      return <PairStep onPaired={() => after(Promise.resolve())} />;
    case 'test':
      return <TestStep state={state} onDone={() => after(Promise.resolve())} />;
    case 'when': {
      const answer = (value: 'away' | 'always' | 'nights') => () => after(change((kept) => withWhen(kept, value)));
      const awayHint = state.unknown.includes('idle_s') ? when.awayHintUnseen : when.awayHint;
      return (
        <QuestionStep
          title={when.title}
          answers={[
            { title: when.always, hint: when.alwaysHint, onChoose: answer('always') },
            { title: when.away, hint: awayHint, onChoose: answer('away') },
            { title: when.nights, hint: when.nightsHint, onChoose: answer('nights') },
          ]}
        >
          <p className="hint">{when.sleep}</p>
        </QuestionStep>
      );
    }
    case 'games': {
      const answer = (detect: boolean, programs: readonly string[]) =>
        after(change((kept) => withGames(kept, detect, programs)));
      return <GamesStep state={state} onAnswer={answer} />;
    }
    case 'done':
      return <DoneStep state={state} onLeave={leave} onPair={back} />;
  }
}

async function change(alter: (preferences: Preferences) => Preferences): Promise<void> {
  await ask('setPreferences', alter(await ask('getPreferences')));
}

/** A link that was confirmed in the system's own dialog pairs while this page waits. */
function usePairedElsewhere({ relay }: AppState, step: Step, next: () => void): void {
  const isPaired = relay.state === 'connected';
  const was = useRef(isPaired);
  // biome-ignore lint/correctness/useExhaustiveDependencies: it is about the moment of pairing.
  useEffect(() => {
    if (isPaired && !was.current && step === 'pair') next();
    was.current = isPaired;
  }, [isPaired]);
}
