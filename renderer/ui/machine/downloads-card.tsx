import type { AppState } from '../../../shared/ipc/app-state.ts';
import { useSpeech } from '../locale.ts';
import { AddModelForm } from './add-model-form.tsx';
import { DownloadRow } from './download-row.tsx';

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
            <DownloadRow key={download.model} download={download} />
          ))}
        </ul>
      )}
    </section>
  );
}
