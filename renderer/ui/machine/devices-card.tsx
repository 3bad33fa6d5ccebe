import { useEffect, useState } from 'react';
import type { AppState, GpuUse, ListedDevice } from '../../../shared/ipc/app-state.ts';
import { LEAST_TOLD_BYTES, MOST_TOLD_BYTES } from '../../../shared/ipc/told-memory.ts';
import type { GpuPreference } from '../../../shared/preferences/preferences.ts';
import { GigabytesForm } from '../../fields/gigabytes-form.tsx';
import { ask, type Refusal, refusalOf } from '../bridge.ts';
import { useSpeech } from '../locale.ts';
import { SwitchField } from '../preferences/fields.tsx';
import type { Texts } from '../texts/texts.ts';

/** The GPUs of the machine: which may be used, and how much of each. What is changed here holds at once. */
export function DevicesCard({ state: { devices, gpu } }: { state: AppState }) {
  const { texts } = useSpeech();
  const words = texts.machine.devices;
  const uses = useGpuUse(devices.length > 0);
  const [refusal, setRefusal] = useState<Refusal>();
  const change = (device: ListedDevice, changes: Partial<GpuPreference>): void => {
    const rule = { enabled: device.enabled, memory_bytes: device.capBytes, ...changes };
    setRefusal(undefined);
    prefer(device.id, rule).catch((error: unknown) => setRefusal(refusalOf(error)));
  };
  const tell = (id: string, memoryBytes: number | null): void => {
    setRefusal(undefined);
    ask('tellGpuMemory', { id, memoryBytes }).catch((error: unknown) => setRefusal(refusalOf(error)));
  };
  return (
    <section className="card section" aria-labelledby="devices-title">
      <h2 id="devices-title">{words.title}</h2>
      <p className="hint">{words.intro}</p>
      {devices.length === 0 && <p className="quiet">{words.none}</p>}
      {devices.map((device) => (
        <fieldset key={device.id} className="group device">
          <legend>{device.name}</legend>
          <SwitchField
            label={words.enabled}
            hint={hintOf(device, gpu === null, texts)}
            isOn={device.enabled}
            onChange={(enabled) => change(device, { enabled })}
          />
          <UseLine device={device} use={uses.find(({ id }) => id === device.id)} />
          <ToldField
            key={`told ${device.toldBytes}`}
            device={device}
            onChange={(memoryBytes) => tell(device.id, memoryBytes)}
          />
          <CapField
            key={device.capBytes}
            device={device}
            onChange={(memory_bytes) => change(device, { memory_bytes })}
          />
        </fieldset>
      ))}
      {refusal !== undefined && (
        <p className="notice" data-kind="danger" role="alert">
          {texts.problem(refusal)}
        </p>
      )}
    </section>
  );
}

function hintOf({ computes, unsupported }: ListedDevice, isUnseen: boolean, { machine }: Texts): string {
  if (unsupported !== null) return machine.devices.unsupported(machine.test.reasons[unsupported]);
  if (isUnseen) return machine.devices.notSeenYet;
  return computes ? machine.devices.computes : machine.devices.idle;
}

/** How full and how busy it is, by all programs together. */
function UseLine({ device: { memoryBytes }, use }: { device: ListedDevice; use: GpuUse | undefined }) {
  const { texts, show } = useSpeech();
  const words = texts.machine.devices.use;
  const { usedBytes = null, busyPercent = null } = use ?? {};
  const parts = [
    ...(usedBytes === null || memoryBytes === null
      ? []
      : [words.memory(show.bytes(usedBytes), show.bytes(memoryBytes))]),
    ...(busyPercent === null ? [] : [words.busy(show.number(busyPercent))]),
  ];
  return <p className="hint">{parts.length === 0 ? words.unknown : [...parts, words.all].join(' · ')}</p>;
}

/** Asked anew while somebody looks: it takes a program of the system. */
const USE_EVERY_MS = 3_000;

function useGpuUse(isWanted: boolean): readonly GpuUse[] {
  const [uses, setUses] = useState<readonly GpuUse[]>([]);
  useEffect(() => {
    if (!isWanted) return undefined;
    const look = (): void => {
      if (document.visibilityState === 'visible') void ask('getGpuUse').then(setUses, () => undefined);
    };
    look();
    const timer = setInterval(look, USE_EVERY_MS);
    return () => clearInterval(timer);
  }, [isWanted]);
  return uses;
}

type CapFieldProps = { device: ListedDevice; onChange(capBytes: number | null): void };

function CapField({ device: { capBytes, memoryBytes, name }, onChange }: CapFieldProps) {
  const { texts, show } = useSpeech();
  const words = texts.machine.devices;
  return (
    <GigabytesForm
      bytes={capBytes}
      allowsNone={true}
      label={words.cap}
      set={words.set}
      setFor={words.setFor(name)}
      hint={memoryBytes === null ? words.capHint : words.capOf(show.bytes(memoryBytes))}
      wrong={words.wrong}
      onChange={onChange}
    />
  );
}

/** For a card whose memory the system does not tell, or tells wrongly. */
function ToldField({ device: { toldBytes, memoryBytes, name }, onChange }: CapFieldProps) {
  const { texts, show } = useSpeech();
  const words = texts.machine.devices;
  const found = memoryBytes === null ? words.toldUnknown : words.toldFound(show.bytes(memoryBytes));
  return (
    <GigabytesForm
      bytes={toldBytes}
      allowsNone={false}
      least={LEAST_TOLD_BYTES}
      most={MOST_TOLD_BYTES}
      label={words.told}
      set={words.set}
      setFor={words.setTold(name)}
      hint={`${toldBytes === null ? found : words.toldCounts} ${words.toldHint}`}
      wrong={words.toldWrong}
      onChange={onChange}
    />
  );
}

async function prefer(id: string, rule: GpuPreference): Promise<void> {
  const kept = await ask('getPreferences');
  await ask('setPreferences', { ...kept, gpus: { ...kept.gpus, [id]: rule } });
}
