import { useState } from 'react';
import type { AppState } from '../../../shared/ipc/app-state.ts';
import { useSpeech } from '../locale.ts';
import { ProgramList } from '../preferences/program-list.tsx';
import { detectsOf } from '../sensing.ts';
import { QuestionStep } from './question-step.tsx';

export type GamesStepProps = { state: AppState; onAnswer(detect: boolean, programs: readonly string[]): void };

/**
 * Promises no more than this machine's sensors can keep. Where they miss games or full-screen apps, programs are named
 * instead; where they see no programs either, there is nothing to agree to.
 */
export function GamesStep({ state: { unknown, presence }, onAnswer }: GamesStepProps) {
  const { texts } = useSpeech();
  const words = texts.setup.games;
  const [programs, setPrograms] = useState<string[]>([]);
  const detects = detectsOf(unknown);
  const seesPrograms = !unknown.includes('programs');
  const isBlind = detects === 'nothing' && !seesPrograms;
  const yes = {
    title: words.yes[detects],
    hint: words.yesHint,
    isDisabled: detects === 'nothing' && programs.length === 0,
    onChoose: () => onAnswer(true, programs),
  };
  const no = {
    title: words.no,
    hint: seesPrograms ? words.noHint : words.noHintBlind,
    onChoose: () => onAnswer(false, []),
  };
  return (
    <QuestionStep title={words.title} answers={isBlind ? [no] : [yes, no]}>
      {detects !== 'nothing' && <p className="hint">{words.seen[detects]}</p>}
      {detects !== 'both' && <p className="hint">{words.unseen[detects]}</p>}
      {detects !== 'both' && seesPrograms && (
        <ProgramList programs={programs} running={presence.programs} onChange={setPrograms} />
      )}
      {isBlind && <p className="hint">{texts.unseen(['programs'])}</p>}
      <p className="hint">{unknown.includes('other_gpu_percent') ? words.loadUnseen : words.loadSeen}</p>
    </QuestionStep>
  );
}
