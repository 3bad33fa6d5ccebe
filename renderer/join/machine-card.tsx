import type { ShownMachine } from './node-messages.ts';
import type { Strings } from './strings.ts';

export type MachineCardProps = {
  machine: ShownMachine | null;
  nodeId: string;
  strings: Strings;
};

export function MachineCard({ machine, nodeId, strings }: MachineCardProps) {
  const { title, device, gpu, cpu, cpuHint, node } = strings.machine;
  return (
    <section className="card" aria-labelledby="machine-title">
      <h2 id="machine-title">{title}</h2>
      <dl className="facts-list">
        <div>
          <dt>{node}</dt>
          <dd>
            <code>{nodeId}</code>
          </dd>
        </div>
        {machine !== null && (
          <div>
            <dt>{device}</dt>
            <dd>
              {machine.device === 'webgpu' ? gpu(machine.adapter ?? '') : cpu(machine.threads)}
              {machine.device === 'wasm' && <span className="hint">{cpuHint}</span>}
            </dd>
          </div>
        )}
      </dl>
    </section>
  );
}
