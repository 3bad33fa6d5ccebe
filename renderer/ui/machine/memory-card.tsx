import { useState } from 'react';
import type { AppState, LoadedModel, MemoryCheck } from '../../../shared/ipc/app-state.ts';
import { ask, type Refusal, refusalOf, useNow } from '../bridge.ts';
import { clockOf } from '../home/status.ts';
import { useSpeech } from '../locale.ts';

/** What lies in memory now, when it leaves by itself, and whether what left before has come back. */
export function MemoryCard({ state: { loaded, memoryHeld, memoryCheck } }: { state: AppState }) {
  const { texts } = useSpeech();
  const words = texts.models.memory;
  const [refusal, setRefusal] = useState<Refusal>();
  const free = (): void => {
    setRefusal(undefined);
    ask('freeMemory').catch((error: unknown) => setRefusal(refusalOf(error)));
  };
  return (
    <section className="card section" aria-labelledby="memory-title">
      <h2 id="memory-title">{words.title}</h2>
      {loaded.length === 0 && <p className="quiet">{memoryHeld ? words.loading : words.empty}</p>}
      {loaded.length > 0 && (
        <ul className="rows">
          {loaded.map((model) => (
            <LoadedRow key={model.model} loaded={model} />
          ))}
        </ul>
      )}
      <p className="actions">
        <button type="button" className="button" disabled={!memoryHeld} aria-describedby="memory-note" onClick={free}>
          {texts.home.free}
        </button>
        <span className="hint" id="memory-note">
          {words.note}
        </span>
      </p>
      {memoryCheck !== null && <CheckLine check={memoryCheck} />}
      {refusal !== undefined && (
        <p className="notice" data-kind="danger" role="alert">
          {texts.problem(refusal)}
        </p>
      )}
    </section>
  );
}

function LoadedRow({ loaded: { model, unloadsAt } }: { loaded: LoadedModel }) {
  const { texts } = useSpeech();
  const words = texts.models.memory;
  return (
    <li className="row">
      <code>{model}</code>
      <span className="amount">{unloadsAt === null ? words.stays : <Countdown until={unloadsAt} />}</span>
    </li>
  );
}

/** It alone is drawn anew each second. */
function Countdown({ until }: { until: number }) {
  const { texts } = useSpeech();
  const words = texts.models.memory;
  const now = useNow(1_000, true);
  return (
    <>
      {words.unloadsIn} <span role="timer">{clockOf(until - now)}</span>
    </>
  );
}

function CheckLine({ check: { verdict, takenBytes, freedBytes, at } }: { check: MemoryCheck }) {
  const { texts, show } = useSpeech();
  const words = texts.models.memory.check;
  if (verdict === 'no_counter') return <p className="hint">{words.noCounter}</p>;
  const figures =
    takenBytes === null || freedBytes === null ? '' : words.freed(show.bytes(freedBytes), show.bytes(takenBytes));
  if (verdict === 'back') return <p className="hint">{`${figures} ${words.back(show.time(at))}`.trim()}</p>;
  return (
    <p className="notice" data-kind="warn" role="status">
      <strong>{words.keptTitle}</strong>
      {`${figures} ${words.kept}`.trim()}
    </p>
  );
}
