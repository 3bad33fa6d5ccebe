import type { AppState, ModelDownload } from '../../../shared/ipc/app-state.ts';
import { DownloadRow } from '../../downloads/download-row.tsx';
import { ask } from '../bridge.ts';
import { useSpeech } from '../locale.ts';
import { AddModelForm } from './add-model-form.tsx';

/** Models on their way here, and a field for the next. */
export function DownloadsCard({ state: { downloads } }: { state: AppState }) {
  const { texts } = useSpeech();
  const words = texts.models.add;
  return (
    <section className="card section" aria-labelledby="downloads-title">
      <h2 id="downloads-title">{words.title}</h2>
      <AddModelForm />
      {downloads.length > 0 && (
        <ul className="rows">
          {downloads.map((download) => (
            <Row key={download.model} download={download} />
          ))}
        </ul>
      )}
    </section>
  );
}

function Row({ download }: { download: ModelDownload }) {
  const { texts, show } = useSpeech();
  const { model, problem } = download;
  const tell = (name: 'addModel' | 'pauseDownload' | 'cancelDownload') => (): void =>
    void ask(name, { model }).catch(() => undefined);
  return (
    <DownloadRow
      download={download}
      words={texts.models.add}
      show={show}
      problem={problem === null ? null : texts.problem(problem)}
      onGoOn={tell('addModel')}
      onPause={tell('pauseDownload')}
      onCancel={tell('cancelDownload')}
    />
  );
}
