import type { ReactNode } from 'react';
import { Problem } from '../../../shared/problems/problem.ts';
import { isProblemCode } from '../../../shared/problems/table.ts';
import { RelayProblem, sentenceOf } from '../api.ts';
import { Card, Trouble } from '../parts.tsx';
import { STRINGS } from '../strings/strings.ts';
import type { Asking } from './asking.ts';
import type { ModelCall } from './snippets.ts';
import { Snippets } from './snippets-card.tsx';

const TEXT = STRINGS.playground;

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
  return (
    <div className="answer">
      <h3>{TEXT.answer}</h3>
      {children}
    </div>
  );
}

/** A question with what it is asked by, why it failed and what came of it. */
function AskCard({ title, asking: { answer, problem, isBusy, ask, stop }, fields, children }: AskCardProps) {
  return (
    <Card title={title}>
      <form className="form" onSubmit={ask}>
        {fields}
        <AskButtons isBusy={isBusy} onStop={stop} />
      </form>
      <p role="status" className="quiet">
        {isBusy && answer === undefined && TEXT.underWay}
      </p>
      <Trouble problem={problem === null ? null : <Refusal problem={problem} />} />
      {children}
    </Card>
  );
}

/** The sentence, and the code that programs see, with the page that tells what to do about it. */
function Refusal({ problem }: { problem: unknown }) {
  const code = problem instanceof RelayProblem || problem instanceof Problem ? problem.code : undefined;
  return (
    <>
      {sentenceOf(problem)}{' '}
      {isProblemCode(code) && (
        <a className="code" href={`/problems/${code}`} target="_blank" rel="noreferrer">
          {code}
        </a>
      )}
    </>
  );
}

function AskButtons({ isBusy, onStop }: { isBusy: boolean; onStop(): void }) {
  return (
    <div className="actions">
      <button type="submit" className="button" data-kind="primary" disabled={isBusy}>
        {TEXT.send}
      </button>
      {isBusy && (
        <button type="button" className="button" onClick={onStop}>
          {TEXT.stop}
        </button>
      )}
    </div>
  );
}
