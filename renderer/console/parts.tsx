import { type ReactNode, useEffect, useId, useRef, useState } from 'react';
import { sentenceOf } from './api.ts';
import { useSpeech } from './speech.ts';
import { useNarrow } from './use-narrow.ts';

/** How something is doing, in a color and always in words. */
export type Tone = 'good' | 'busy' | 'warn' | 'bad' | 'off';

export function Badge({ tone, children }: { tone: Tone; children: ReactNode }) {
  return (
    <span className="badge" data-tone={tone}>
      {children}
    </span>
  );
}

export function Load({ used, total, label }: { used: number; total: number; label: string }) {
  return (
    <span className="load">
      <progress className="progress" value={total === 0 ? 0 : used} max={Math.max(1, total)} aria-label={label} />
      <span className="load-count">
        {used}/{total}
      </span>
    </span>
  );
}

/** Says what went wrong, where readers of screens hear it. */
export function Trouble({ problem }: { problem: ReactNode | Error }) {
  const speech = useSpeech();
  return (
    <div role="alert">
      {problem !== null && (
        <p className="notice" data-kind="danger">
          {problem instanceof Error ? sentenceOf(problem, speech) : problem}
        </p>
      )}
    </div>
  );
}

/** What is shown before the first answer: why there is none, or that it is waited for. */
export function Pending({ problem }: { problem: Error | null }) {
  const { texts } = useSpeech();
  if (problem !== null) return <Trouble problem={problem} />;
  return <p className="quiet pending">{texts.loading}</p>;
}

/** What to do where there is nothing yet. */
export function Empty({ title, children }: { title: string; children: ReactNode }) {
  return (
    <div className="empty">
      <p className="empty-title">{title}</p>
      <p className="quiet">{children}</p>
    </div>
  );
}

export function Card({ title, actions, children }: { title: string; actions?: ReactNode; children: ReactNode }) {
  const id = useId();
  return (
    <section className="card" aria-labelledby={id}>
      <div className="card-head">
        <h2 id={id}>{title}</h2>
        {actions}
      </div>
      {children}
    </section>
  );
}

export type TableProps = {
  label: string;
  heads: readonly string[];
  /** Cards side by side where there is room for them; rows unless given. */
  layout?: 'rows' | 'cards';
  children: ReactNode;
};

/**
 * A table that scrolls within its own place, with the keyboard too. On a narrow screen, and where that is wanted on every one,
 * each row is a card, whose cells are named after the heads (`tables.css`).
 */
export function Table({ label, heads, layout = 'rows', children }: TableProps) {
  const isNarrow = useNarrow();
  const names = Object.fromEntries(heads.map((head, column) => [`--head-${column + 1}`, JSON.stringify(head)]));
  const look = layout === 'cards' ? 'cards' : isNarrow ? 'stacked' : undefined;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable with the keyboard
    <section className="table-scroll" data-layout={look} aria-label={label} tabIndex={0}>
      <table style={names}>
        <thead>
          <tr>
            {heads.map((head) => (
              <th key={head} scope="col">
                {head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </section>
  );
}

export function Facts({ children }: { children: ReactNode }) {
  return <dl className="facts-list">{children}</dl>;
}

export function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

/** What is asked under a label: `children` makes it with the id that the label names. */
export function Field({ label, children }: { label: string; children(id: string): ReactNode }) {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      {children(id)}
    </div>
  );
}

const COPIED_MS = 2_000;

export type CopyButtonProps = { text: string; label?: string /** For what is shown once. */; staysCopied?: boolean };

export function CopyButton({ text, label, staysCopied = false }: CopyButtonProps) {
  const { actions } = useSpeech().texts;
  const [state, setState] = useState<'idle' | 'copied' | 'failed'>('idle');
  useEffect(() => {
    if (state === 'idle' || (state === 'copied' && staysCopied)) return;
    const timer = setTimeout(() => setState('idle'), COPIED_MS);
    return () => clearTimeout(timer);
  }, [state, staysCopied]);
  const copy = async (): Promise<void> => {
    // Pages over plain HTTP from another machine have no clipboard.
    setState(await writeClipboard(text));
  };
  return (
    <button type="button" className="button" data-size="small" onClick={() => void copy()}>
      <span aria-live="polite">{state === 'idle' ? (label ?? actions.copy) : actions[state]}</span>
    </button>
  );
}

async function writeClipboard(text: string): Promise<'copied' | 'failed'> {
  try {
    await navigator.clipboard.writeText(text);
    return 'copied';
  } catch {
    return 'failed';
  }
}

export type AskedTwiceProps = { label: string; title: string; body: string; isBusy: boolean; onYes(): void };

/** A button for what cannot be taken back: it asks first. */
export function AskedTwice({ label, title, body, isBusy, onYes }: AskedTwiceProps) {
  const { texts } = useSpeech();
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  return (
    <>
      <button
        type="button"
        className="button"
        data-size="small"
        data-kind="quiet"
        disabled={isBusy}
        onClick={() => dialog.current?.showModal()}
      >
        {label}
      </button>
      <dialog ref={dialog} className="dialog" aria-labelledby={id}>
        <h2 id={id}>{title}</h2>
        <p>{body}</p>
        <form method="dialog" className="actions">
          <button type="submit" className="button" data-kind="danger" onClick={onYes}>
            {label}
          </button>
          <button type="submit" className="button">
            {texts.actions.cancel}
          </button>
        </form>
      </dialog>
    </>
  );
}

/** The time of day, for what is shown as "a minute ago". */
export function useNow(everyMs = 10_000): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return now;
}
