import type { ModelDownload } from '../../../shared/ipc/app-state.ts';
import { ask } from '../bridge.ts';
import { useSpeech } from '../locale.ts';

/** One model on its way: how far it is, and what its owner can do about it. */
export function DownloadRow({ download }: { download: ModelDownload }) {
  const { texts } = useSpeech();
  const words = texts.models.add;
  const { model, problem, isPaused } = download;
  const goOn = (): void => void ask('addModel', { model }).catch(() => undefined);
  const pause = (): void => void ask('pauseDownload', { model }).catch(() => undefined);
  const cancel = (): void => void ask('cancelDownload', { model }).catch(() => undefined);
  const [doing, label, act] = isPaused
    ? [words.resume, words.resumeOf(model), goOn]
    : problem === null
      ? [words.pause, words.pauseOf(model), pause]
      : [words.again, words.againFor(model), goOn];
  return (
    <li className="row">
      <span className="grow">
        <strong>
          <code>{model}</code>
        </strong>
        {problem === null ? (
          <ProgressLine download={download} />
        ) : (
          <span className="hint">{texts.problem(problem)}</span>
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
          onClick={cancel}
        >
          {problem === null ? words.cancel : words.dismiss}
        </button>
      </span>
    </li>
  );
}

function ProgressLine({ download }: { download: ModelDownload }) {
  const { texts, show } = useSpeech();
  const words = texts.models.add;
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
