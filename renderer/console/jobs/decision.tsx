import { useDoing } from '../asked.ts';
import { Trouble } from '../parts.tsx';
import { useReason } from '../reason-field.tsx';
import { useSpeech } from '../speech.ts';
import { useApi } from '../surroundings.ts';

export type DecisionProps = {
  /** Of the job or task, below which `approve` and `refuse` lie. */
  path: string;
  /** What is asked, once it is here: what is approved must have been seen. */
  input: { value: unknown; problem: Error | null } | undefined;
  /** What is sent with the yes. */
  approval?: object;
  onDone(): void;
};

/** What is asked of whom, and the yes or no of the person who looks at it. */
export function Decision({ path, input, approval, onDone }: DecisionProps) {
  const words = useSpeech().texts.approvals;
  const api = useApi();
  const { isBusy, problem, run } = useDoing();
  const [why, reasonField] = useReason(words.reason, words.reasonHint);
  const act = (what: string, body?: object): void =>
    run(async () => {
      await api.post(`${path}/${what}`, body);
      onDone();
    });
  const isSeen = input !== undefined && input.problem === null;
  return (
    <>
      <h3>{words.input}</h3>
      <Trouble problem={input?.problem ?? null} />
      {isSeen && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable with the keyboard
        <section className="code-block" aria-label={words.input} tabIndex={0}>
          <pre>{JSON.stringify(input.value, null, 2)}</pre>
        </section>
      )}
      {reasonField}
      <div className="actions">
        <button
          type="button"
          className="button"
          data-size="small"
          data-kind="primary"
          disabled={isBusy || !isSeen}
          onClick={() => act('approve', approval)}
        >
          {words.approve}
        </button>
        <button type="button" className="button" data-size="small" disabled={isBusy} onClick={() => act('refuse', why)}>
          {words.refuse}
        </button>
      </div>
      <Trouble problem={problem} />
    </>
  );
}
