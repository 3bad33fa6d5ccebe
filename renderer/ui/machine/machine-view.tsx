import type { ReactNode } from 'react';
import type { AppState } from '../../../shared/ipc/app-state.ts';
import type { CapabilityDocument, WebGpu } from '../../../shared/protocol/capabilities.ts';
import { ask, useAnswer } from '../bridge.ts';
import { type Speech, useSpeech } from '../locale.ts';
import { saveFile } from '../save-file.ts';
import { DevicesCard } from './devices-card.tsx';
import { TestCard } from './test-card.tsx';

/** The capability document as it is advertised: in words first, whole below. */
export function MachineView({ state }: { state: AppState }) {
  const speech = useSpeech();
  const { texts } = speech;
  const words = texts.machine;
  const document = useAnswer(
    () => ask('getCapabilities'),
    `${state.relay.state} ${state.contributing} ${state.code} ${JSON.stringify([state.devices, state.machineTest])}`,
  );
  if (document === undefined) return <h1>{texts.views.machine}</h1>;
  const facts: Fact[] = [
    [words.gpu, gpuOf(state, speech)],
    ...(document === null ? [] : factsOf(document, state, speech)),
  ];
  const text = JSON.stringify(document, null, 2);
  return (
    <>
      <h1>{texts.views.machine}</h1>
      <p className="quiet">{document === null ? words.unpaired : words.intro}</p>
      <dl className="card facts-list">
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      <TestCard state={state} />
      <DevicesCard state={state} />
      {document !== null && (
        <details className="card">
          <summary>{words.whole}</summary>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard. */}
          <pre className="document" tabIndex={0}>
            {text}
          </pre>
          <button
            type="button"
            className="button"
            onClick={() => saveFile('sparewatt-machine.json', 'application/json', text)}
          >
            {words.save}
          </button>
        </details>
      )}
    </>
  );
}

type Fact = [name: string, value: ReactNode];

function gpuOf({ gpu }: AppState, { texts }: Speech): string {
  if (gpu === null) return texts.machine.gpuLater;
  return gpu.usable ? gpu.description || `${gpu.vendor} ${gpu.architecture}` : texts.machine.noGpu;
}

/** The adapter as the relay is told of it; each limit stands in the document below. */
function WebGpuFact({ webgpu: { adapter, limits, features } }: { webgpu: WebGpu }) {
  const { texts, show } = useSpeech();
  const words = texts.machine;
  const { maxBufferSize } = limits;
  const told = words.webgpuTold(show.number(Object.keys(limits).length), features.join(', ') || '–');
  return (
    <>
      {adapter}
      <span className="hint">
        {maxBufferSize !== undefined && `${words.webgpuBuffer(show.bytes(maxBufferSize))} `}
        {told}
      </span>
    </>
  );
}

/** Whether jobs may come, and why not. */
function openingOf({ policy, node_load }: CapabilityDocument, state: AppState, { texts }: Speech): string {
  const words = texts.machine;
  if (policy?.open === false) return words.no(texts.reason(state));
  return node_load.slots_total === 0 ? words.no(words.measuring) : words.yes;
}

function factsOf(document: CapabilityDocument, state: AppState, speech: Speech): Fact[] {
  const { texts, show } = speech;
  const words = texts.machine;
  const { hardware, node_load, served_models } = document;
  const gpus = (hardware.gpus ?? []).map(
    ({ name, vram_bytes }) => `${name ?? ''}${vram_bytes === null ? '' : ` (${show.bytes(vram_bytes)})`}`,
  );
  return [
    [words.node, <code key="id">{document.node_id}</code>],
    [words.policy, openingOf(document, state, speech)],
    [words.slots, show.number(node_load.slots_total)],
    [words.models, served_models.map(({ name }) => name).join(', ') || '–'],
    [words.system, `${hardware.platform} ${hardware.arch}`],
    [words.cpu, `${hardware.cpu} · ${words.threads(show.number(hardware.cpu_threads))}`],
    [words.memory, show.bytes(hardware.memory_bytes)],
    [words.gpus, gpus.join(', ') || '–'],
    [words.webgpu, hardware.webgpu ? <WebGpuFact key="webgpu" webgpu={hardware.webgpu} /> : words.noWebgpu],
  ];
}
