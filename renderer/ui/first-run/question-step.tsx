import { type ReactNode, useEffect, useId, useRef } from 'react';

export type QuestionStepProps = {
  title: string;
  answers: readonly { title: string; hint: string; isDisabled?: boolean; onChoose(): void }[];
  /** What stands between the question and its answers. */
  children?: ReactNode;
};

/** One question; each answer is one button, so that it takes one click. */
export function QuestionStep({ title, answers, children }: QuestionStepProps) {
  const id = useId();
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus(), []);
  return (
    <section className={children === undefined ? 'card' : 'card section'} aria-labelledby={id}>
      <h2 id={id} ref={heading} tabIndex={-1}>
        {title}
      </h2>
      {children}
      <ul className="answers">
        {answers.map((answer, index) => (
          <li key={answer.title}>
            <button
              type="button"
              className="button answer"
              aria-describedby={`${id}-${index}`}
              disabled={answer.isDisabled}
              onClick={answer.onChoose}
            >
              {answer.title}
            </button>
            <p className="hint" id={`${id}-${index}`}>
              {answer.hint}
            </p>
          </li>
        ))}
      </ul>
    </section>
  );
}
