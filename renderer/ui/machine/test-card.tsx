import { useState } from 'react';
import type { AppState } from '../../../shared/ipc/app-state.ts';
import type { DeviceTest } from '../../../shared/protocol/capabilities.ts';
import { ask, type Refusal, refusalOf } from '../bridge.ts';
import { DutyNote } from '../duty-note.tsx';
import { useSpeech } from '../locale.ts';

/** Starts the test of the machine, stops it, and shows what it found of each device. */
export function TestCard({ state }: { state: AppState }) {
  const { texts, show } = useSpeech();
  const words = texts.machine.test;
  const { running, result } = state.machineTest;
  const { start, refusal } = useMachineTest();
  const hasJobs = state.jobs.length > 0;
  return (
    <section className="card section" aria-labelledby="test-title">
      <h2 id="test-title">{words.title}</h2>
      <p className="hint">{result === null ? words.intro : words.when(show.moment(result.tested_at), result.model)}</p>
      <TestResults state={state} />
      <DutyNote state={state} />
      <p className="actions">
        {running ? (
          <button type="button" className="button" onClick={() => void ask('stopMachineTest').catch(() => undefined)}>
            {words.stop}
          </button>
        ) : (
          <button type="button" className="button" disabled={hasJobs} aria-describedby="test-note" onClick={start}>
            {result === null ? words.start : words.again}
          </button>
        )}
        <span className="hint" id="test-note" role="status">
          {running ? words.running : hasJobs ? words.busy : (refusal && texts.problem(refusal)) || words.bound}
        </span>
      </p>
    </section>
  );
}

/** The devices of the last test, or how far the running one is. */
export function TestResults({ state: { machineTest } }: { state: AppState }) {
  const { texts } = useSpeech();
  const { running, found, result } = machineTest;
  if (running) return <progress className="progress" aria-label={texts.machine.test.title} value={found + 1} max={3} />;
  if (result === null) return null;
  return (
    <ul className="rows">
      {result.devices.map((device) => (
        <DeviceRow key={`${device.kind} ${device.device}`} device={device} />
      ))}
    </ul>
  );
}

function DeviceRow({
  device: { device, kind, dtype, tokens_per_s, memory_bytes, load_ms, reason },
}: {
  device: DeviceTest;
}) {
  const { texts, show } = useSpeech();
  const words = texts.machine.test;
  const facts = [
    words.kinds[kind],
    ...(dtype === '' ? [] : [dtype]),
    ...(memory_bytes === null ? [] : [words.memory(show.bytes(memory_bytes))]),
    ...(load_ms === null ? [] : [words.load(show.fine(load_ms / 1_000))]),
  ];
  return (
    <li className="row">
      <span>
        <strong>{device}</strong>
        <span className="hint">{facts.join(' · ')}</span>
        {reason !== null && <span className="hint">{words.reasons[reason]}</span>}
      </span>
      <span className="amount">
        {tokens_per_s !== null && words.rate(show.fine(tokens_per_s))}
        <Verdict reason={reason} />
      </span>
    </li>
  );
}

/** Of the model of the test, and of no other: a larger one may well run where this one does not. */
function Verdict({ reason }: Pick<DeviceTest, 'reason'>) {
  const words = useSpeech().texts.machine.test;
  if (reason === 'not_used') return <span className="badge">{words.slower}</span>;
  return (
    <span className="badge" data-state={reason === null ? 'warm' : 'unusable'}>
      {reason === null ? words.used : words.unused}
    </span>
  );
}

/** Starts a test and keeps what it was refused with. */
export function useMachineTest(): { start(): void; refusal: Refusal | undefined } {
  const [refusal, setRefusal] = useState<Refusal>();
  const start = (): void => {
    setRefusal(undefined);
    ask('testMachine').catch((error: unknown) => setRefusal(refusalOf(error)));
  };
  return { start, refusal };
}
