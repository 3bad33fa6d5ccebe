import type { ReactNode } from 'react';
import { isProblemCode } from '../../../shared/problems/table.ts';
import { OwnProblem, RelayProblem, sentenceOf } from '../api.ts';
import { Card, Trouble } from '../parts.tsx';
import { useSpeech } from '../speech.ts';
import type { Asking } from './asking.ts';
import type { ModelCall } from './snippets.ts';
import { Snippets } from './snippets-card.tsx';

type AskCardProps = {
  title: string;
  asking: Asking<unknown>;
  fields: ReactNode;
  /** What stands below: the answer, once there is something of it. */
  children: ReactNode;
};

/** A question with its answer, and the same as a program. */
export function AskPanel({ call, ...card }: AskCardProps & { call: ModelCall }) {
  return (
    <>
      <AskCard {...card} />
      <Snippets call={call} />
    </>
  );
}

/** What came of a question, beneath it. */
export function AnswerFrame({ children }: { children: ReactNode }) {
  const words = useSpeech().texts.playground;
  return (
    <div className="answer">
      <h3>{words.answer}</h3>
      {children}
    </div>
  );
}

/** A question with what it is asked by, why it failed and what came of it. */
function AskCard({ title, asking: { answer, problem, isBusy, ask, stop }, fields, children }: AskCardProps) {
  const words = useSpeech().texts.playground;
  return (
    <Card title={title}>
      <form className="form" onSubmit={ask}>
        {fields}
        <AskButtons isBusy={isBusy} onStop={stop} />
      </form>
      <p role="status" className="quiet">
        {isBusy && answer === undefined && words.underWay}
      </p>
      <Trouble problem={problem === null ? null : <Refusal problem={problem} />} />
      {children}
    </Card>
  );
}

/** The sentence, and the code that programs see, with the page that tells what to do about it. */
function Refusal({ problem }: { problem: unknown }) {
  const speech = useSpeech();
  const code = problem instanceof RelayProblem || problem instanceof OwnProblem ? problem.code : undefined;
  return (
    <>
      {sentenceOf(problem, speech)}{' '}
      {isProblemCode(code) && (
        <a className="code" href={`/problems/${code}`} target="_blank" rel="noreferrer">
          {code}
        </a>
      )}
    </>
  );
}

function AskButtons({ isBusy, onStop }: { isBusy: boolean; onStop(): void }) {
  const words = useSpeech().texts.playground;
  return (
    <div className="actions">
      <button type="submit" className="button" data-kind="primary" disabled={isBusy}>
        {words.send}
      </button>
      {isBusy && (
        <button type="button" className="button" onClick={onStop}>
          {words.stop}
        </button>
      )}
    </div>
  );
}
