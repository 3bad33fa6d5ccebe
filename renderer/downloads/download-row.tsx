import type { ModelDownload } from '../../shared/ipc/app-state.ts';
import type { Shown } from '../language/shown.ts';
import type { DownloadWords } from './words.ts';

export type DownloadRowProps = {
  download: ModelDownload;
  words: DownloadWords;
  show: Shown;
  /** What is said of the download's problem; null while it has none. */
  problem: string | null;
  onGoOn(): void;
  onPause(): void;
  onCancel(): void;
};

/** One model on its way: how far it is, and what its owner can do about it. */
export function DownloadRow({ download, words, show, problem, onGoOn, onPause, onCancel }: DownloadRowProps) {
  const { model, isPaused } = download;
  const [doing, label, act] = isPaused
    ? [words.resume, words.resumeOf(model), onGoOn]
    : problem === null
      ? [words.pause, words.pauseOf(model), onPause]
      : [words.again, words.againFor(model), onGoOn];
  return (
    <li className="row">
      <span className="grow">
        <strong>
          <code>{model}</code>
        </strong>
        {problem === null ? (
          <ProgressLine download={download} words={words} show={show} />
        ) : (
          <span className="hint">{problem}</span>
        )}
        <span className="hint">{words.cancelHint}</span>
      </span>
      <span className="actions">
        <button type="button" className="button" aria-label={label} onClick={act}>
          {doing}
        </button>
        <button
          type="button"
          className="button"
          aria-label={problem === null ? words.cancelOf(model) : words.dismissOf(model)}
          onClick={onCancel}
        >
          {problem === null ? words.cancel : words.dismiss}
        </button>
      </span>
    </li>
  );
}

function ProgressLine({ download, words, show }: Pick<DownloadRowProps, 'download' | 'words' | 'show'>) {
  const { model, loadedBytes, totalBytes, bytesPerS, etaS, isPaused } = download;
  const parts = [
    // A restart has forgotten how much there is, and counts again when it goes on.
    ...(loadedBytes === 0 && isPaused
      ? []
      : [totalBytes === null ? show.bytes(loadedBytes) : words.of(show.bytes(loadedBytes), show.bytes(totalBytes))]),
    ...(isPaused ? [words.paused] : []),
    ...(bytesPerS === null || isPaused ? [] : [words.speed(show.bytes(bytesPerS))]),
    ...(etaS === null || isPaused ? [] : [words.eta(clock(etaS))]),
  ];
  return (
    <>
      <progress
        className="progress"
        aria-label={words.progress(model)}
        {...(totalBytes === null ? {} : { value: loadedBytes, max: Math.max(1, totalBytes) })}
      />
      <span className="hint">{parts.join(' · ')}</span>
    </>
  );
}

function clock(seconds: number): string {
  const two = (value: number): string => String(Math.floor(value)).padStart(2, '0');
  const hours = Math.floor(seconds / 3_600);
  const rest = `${two((seconds % 3_600) / 60)}:${two(seconds % 60)}`;
  return hours === 0 ? rest : `${hours}:${rest}`;
}
