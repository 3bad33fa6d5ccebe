import type { AppState } from '../../../shared/ipc/app-state.ts';
import { ask, useAnswer } from '../bridge.ts';
import { useSpeech } from '../locale.ts';

/** The models whose files are here, as the node serves them. */
export function ModelsView({ state }: { state: AppState }) {
  const { texts, show } = useSpeech();
  const words = texts.models;
  // Loaded or freed, begun or ended: each is another state of a model.
  const models = useAnswer(() => ask('listModels'), `${state.memoryHeld} ${state.jobs.length} ${state.gpu?.usable}`);
  return (
    <>
      <h1>{texts.views.models}</h1>
      <p className="quiet">{words.intro}</p>
      {models?.length === 0 && <p className="card quiet">{words.none}</p>}
      {models !== undefined && models.length > 0 && (
        <ul className="rows card">
          {models.map(({ name, type, state: stands, size_bytes, context_length, dtype, device, measured }) => (
            <li key={name} className="row">
              <span>
                <strong>
                  <code>{name}</code>
                </strong>
                <span className="hint">
                  {texts.services[type] ?? type} · {dtype} · {device} · {words.context(show.number(context_length))}
                </span>
                {measured?.tokens_per_s !== undefined && measured.tokens_per_s !== null && (
                  <span className="hint">{words.speed(show.fine(measured.tokens_per_s))}</span>
                )}
              </span>
              <span className="amount">
                {show.bytes(size_bytes)}
                <span className="badge" data-state={stands}>
                  {words.states[stands]}
                </span>
              </span>
            </li>
          ))}
        </ul>
      )}
    </>
  );
}
