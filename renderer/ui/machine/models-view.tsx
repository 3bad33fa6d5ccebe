import { useState } from 'react';
import type { AppState } from '../../../shared/ipc/app-state.ts';
import type { ListedModel } from '../../../shared/ipc/listed-model.ts';
import { ask, type Refusal, refusalOf, useAnswer } from '../bridge.ts';
import { useSpeech } from '../locale.ts';
import { DownloadsCard } from './downloads-card.tsx';
import { FitLine } from './fit-line.tsx';
import { MemoryCard } from './memory-card.tsx';

/** The models whose files are here, as the node serves them, and those that come. */
export function ModelsView({ state }: { state: AppState }) {
  const { texts } = useSpeech();
  const words = texts.models;
  // Loaded or freed, begun or ended, come or gone: each is another state of a model.
  const { memoryHeld, loaded, jobs, gpu, devices, downloads } = state;
  const key = JSON.stringify([memoryHeld, loaded.length, jobs.length, gpu?.usable, devices, downloads.length]);
  const models = useAnswer(() => ask('listModels'), key);
  return (
    <>
      <h1>{texts.views.models}</h1>
      <p className="quiet">{words.intro}</p>
      <MemoryCard state={state} />
      {models?.length === 0 && <p className="card quiet">{words.none}</p>}
      {models !== undefined && models.length > 0 && (
        <ul className="rows card">
          {models.map((model) => (
            <ModelRow key={model.name} model={model} />
          ))}
        </ul>
      )}
      <DiskLine asked={key} />
      <DownloadsCard state={state} />
    </>
  );
}

function ModelRow({ model }: { model: ListedModel }) {
  const { texts, show } = useSpeech();
  const words = texts.models;
  const { name, type, state: stands, size_bytes, context_length, dtype, device, measured, isAdded } = model;
  const { needBytes, needBasis, budget, tasks = [] } = model;
  // What sees or hears has no context that says anything.
  const does = type === 'llm' || type === 'embed' ? words.context(show.number(context_length)) : tasks.join(', ');
  const [refusal, setRefusal] = useState<Refusal>();
  const remove = (): void => {
    ask('removeModel', { model: name }).catch((error: unknown) => setRefusal(refusalOf(error)));
  };
  return (
    <li className="row">
      <span>
        <strong>
          <code>{name}</code>
        </strong>
        <span className="hint">
          {texts.services[type] ?? type} · {dtype} · {words.devices[device] ?? device} · {does}
        </span>
        {measured?.tokens_per_s !== undefined && measured.tokens_per_s !== null && (
          <span className="hint">{words.speed(show.fine(measured.tokens_per_s))}</span>
        )}
        <TrialsLine model={model} />
        <ThreadsLine trial={model.threadTrial} />
        <FitLine needBytes={needBytes} needBasis={needBasis} budget={budget} />
        {refusal !== undefined && (
          <span className="error" role="alert">
            {texts.problem(refusal)}
          </span>
        )}
      </span>
      <span className="amount">
        {show.bytes(size_bytes)}
        <span className="badge" data-state={stands}>
          {words.states[stands]}
        </span>
        {isAdded && (
          <button type="button" className="button" aria-label={words.removeOf(name)} onClick={remove}>
            {words.remove}
          </button>
        )}
      </span>
    </li>
  );
}

/** Why it runs where it does, where there was a choice. */
function TrialsLine({ model: { type, trials = [] } }: { model: ListedModel }) {
  const { texts, show } = useSpeech();
  const words = texts.models.trials;
  const chosen = trials.find(({ verdict }) => verdict === 'chosen')?.device;
  if (chosen !== 'cpu' && chosen !== 'wasm' && chosen !== 'webgpu') return null;
  const rateOn = (wanted: string) => trials.find(({ device }) => device === wanted)?.per_second ?? null;
  const [gpu, processor] = [rateOn('webgpu'), rateOn('cpu') ?? rateOn('wasm')];
  const shown = (rate: number | null): string => {
    if (rate === null) return words.failed;
    const count = show.fine(rate);
    if (type === 'embed') return words.texts(count);
    return type === 'llm' ? words.tokens(count) : words.answers(count);
  };
  // Of what failed nobody knows how fast it is.
  const isCompared = gpu !== null && processor !== null;
  return (
    <span className="hint">
      {words.figures(shown(gpu), shown(processor))} {isCompared && (chosen === 'webgpu' ? words.webgpu : words.cpu)}
    </span>
  );
}

/** On how many threads it answers several at once, where that was measured. */
function ThreadsLine({ trial }: { trial: ListedModel['threadTrial'] }) {
  const { texts, show } = useSpeech();
  if (trial === undefined) return null;
  const { chosen, other } = trial;
  const words = texts.models.threads;
  const figures = [chosen, other].map(({ threads, tokensPerS }) =>
    words.figure(words.count(threads), texts.models.trials.tokens(show.fine(tokensPerS))),
  );
  return <span className="hint">{words.line(figures.join(', '), words.count(chosen.threads))}</span>;
}

function DiskLine({ asked }: { asked: string }) {
  const { texts, show } = useSpeech();
  const words = texts.models.disk;
  const disk = useAnswer(() => ask('getDisk'), asked);
  if (disk === undefined) return null;
  const { usedBytes, quotaBytes } = disk;
  if (quotaBytes === null) return <p className="hint">{words.used(show.bytes(usedBytes))}</p>;
  const text = words.of(show.bytes(usedBytes), show.bytes(quotaBytes));
  if (usedBytes <= quotaBytes) return <p className="hint">{text}</p>;
  return (
    <p className="notice" data-kind="warn">
      <strong>{text}</strong>
      {words.above}
    </p>
  );
}
