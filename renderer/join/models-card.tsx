import { useId } from 'react';
import { DownloadRow } from '../downloads/download-row.tsx';
import type { Shown } from '../language/shown.ts';
import { AddModelForm } from './add-model-form.tsx';
import { deviceReasonOf } from './device-reason.ts';
import { reasonOf } from './dtype-reason.ts';
import type { ModelsView, ShownModel, ToModels } from './node-messages.ts';
import type { Strings } from './strings.ts';
import type { ModelStrings } from './strings-models.ts';

export type ModelsCardProps = { view: ModelsView; strings: Strings; show: Shown; ask(message: ToModels): void };

/** The models that are here with why they are as they are, those on their way, and a field for another. */
export function ModelsCard({ view, strings, show, ask }: ModelsCardProps) {
  const words = strings.models;
  const id = useId();
  return (
    <section className="card section" aria-labelledby={id}>
      <h2 id={id}>{words.title}</h2>
      {view.models.length === 0 && view.downloads.length === 0 && <p className="quiet">{words.none}</p>}
      {view.isMetered && (
        <div className="notice" data-kind="warn" role="status">
          <p>{words.metered.text}</p>
          <p className="actions">
            <button type="button" className="button" onClick={() => ask({ type: 'allowMetered' })}>
              {words.metered.allow}
            </button>
          </p>
        </div>
      )}
      <ul className="rows">
        {view.models.map((model) => (
          <ModelRow key={model.name} model={model} words={words} show={show} ask={ask} />
        ))}
        {view.downloads.map((download) => {
          const { model } = download;
          return (
            <DownloadRow
              key={model}
              download={download}
              words={words.row}
              show={show}
              problem={download.problem === null ? null : strings.problem(download.problem)}
              onGoOn={() => ask({ type: 'download', model })}
              onPause={() => ask({ type: 'pauseDownload', model })}
              onCancel={() => ask({ type: 'cancelDownload', model })}
            />
          );
        })}
      </ul>
      <AddModelForm offer={view.offer} storage={view.storage} strings={strings} show={show} ask={ask} />
    </section>
  );
}

type ModelRowProps = { model: ShownModel; words: ModelStrings; show: Shown; ask(message: ToModels): void };

function ModelRow({ model, words, show, ask }: ModelRowProps) {
  const { name, sizeBytes, isWarm, dtype, reason } = model;
  const tried = deviceReasonOf(model, words, show);
  return (
    <li className="row">
      <span className="grow">
        <strong>
          <code>{name}</code>
        </strong>
        <span className="hint">
          {show.bytes(sizeBytes)} · {isWarm ? words.warm : words.installed}
        </span>
        {reason !== null && <span className="hint">{reasonOf(dtype, reason, words)}</span>}
        {tried !== null && <span className="hint">{tried}</span>}
      </span>
      <button
        type="button"
        className="button"
        data-size="small"
        aria-label={words.removeOf(name)}
        onClick={() => ask({ type: 'remove', model: name })}
      >
        {words.remove}
      </button>
    </li>
  );
}
