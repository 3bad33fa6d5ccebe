import { useEffect, useId, useMemo, useState } from 'react';
import type { AppState } from '../../../shared/ipc/app-state.ts';
import { ask, useAnswer } from '../bridge.ts';
import { useSpeech } from '../locale.ts';
import { bugReport, renewedReport, reportLink } from './bug-report.ts';
import { Licences } from './licences.tsx';
import { isAtLeast, type Level, type LogLine, readLogLine } from './log-lines.ts';

const LINES = 500;
const LEVELS: readonly Level[] = ['info', 'warn', 'error'];

export function LogsView({ state }: { state: AppState }) {
  const { texts, show } = useSpeech();
  const words = texts.logs;
  const [reads, setReads] = useState(0);
  const [least, setLeast] = useState<Level>('info');
  const id = useId();
  const read = useAnswer(() => ask('readLog', { lines: LINES }), reads);
  const lines = useMemo(() => (read ?? []).flatMap((line) => readLogLine(line) ?? []), [read]);
  const shown = lines.filter((line) => isAtLeast(line, least)).reverse();
  return (
    <>
      <h1>{texts.views.logs}</h1>
      <p className="quiet">{words.intro}</p>
      <section className="card" aria-labelledby={`${id}-log`}>
        <h2 id={`${id}-log`}>{words.label}</h2>
        <div className="actions">
          <label>
            {words.level}{' '}
            <select
              className="input inline"
              value={least}
              onChange={({ target }) => setLeast(LEVELS.find((level) => level === target.value) ?? 'info')}
            >
              {LEVELS.map((level) => (
                <option key={level} value={level}>
                  {words.levels[level]}
                </option>
              ))}
            </select>
          </label>
          <button type="button" className="button" onClick={() => setReads(reads + 1)}>
            {words.refresh}
          </button>
        </div>
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard. */}
        <ul className="log" tabIndex={0} aria-labelledby={`${id}-log`}>
          {shown.length === 0 && <li className="quiet">{words.none}</li>}
          {shown.map((line, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: two lines may be alike, and none ever moves.
            <li key={index} data-level={line.level}>
              <time dateTime={line.time}>{show.moment(Date.parse(line.time))}</time> <strong>{line.level}</strong>{' '}
              {line.message} {line.code !== undefined && <code>{line.code}</code>}
            </li>
          ))}
        </ul>
      </section>
      {read !== undefined && <Report state={state} lines={lines} />}
      <Licences />
    </>
  );
}

/** Prefilled, shown whole, and sent by nobody but the person; renewed whenever the log is read. */
function Report({ state, lines }: { state: AppState; lines: readonly LogLine[] }) {
  const { texts } = useSpeech();
  const words = texts.logs;
  const id = useId();
  const make = (): string => bugReport(state, lines, words.what);
  const [{ text, made }, setReport] = useState(() => ({ text: make(), made: make() }));
  // biome-ignore lint/correctness/useExhaustiveDependencies: a text that changed with each state could not be read.
  useEffect(
    () => setReport((shown) => ({ text: renewedReport(shown.text, shown.made, make()), made: make() })),
    [lines],
  );
  const [isOpened, setOpened] = useState(true);
  const open = (): void => {
    ask('openLink', { url: reportLink(text) }).then(setOpened, () => setOpened(false));
  };
  return (
    <section className="card section" aria-labelledby={`${id}-title`}>
      <h2 id={`${id}-title`}>{words.report}</h2>
      <div className="field">
        <label htmlFor={id}>{words.reportText}</label>
        <p className="hint" id={`${id}-hint`}>
          {words.reportHint}
        </p>
        <textarea
          id={id}
          className="input code"
          rows={12}
          value={text}
          aria-describedby={`${id}-hint`}
          onChange={({ target }) => setReport({ text: target.value, made })}
        />
      </div>
      <p className="actions">
        <button type="button" className="button" onClick={open}>
          {words.open}
        </button>
        <span role="status">{!isOpened && words.notOpened}</span>
      </p>
    </section>
  );
}
