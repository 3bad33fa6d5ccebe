import type { ShownMachine, ShownModel } from './node-messages.ts';
import type { Strings } from './strings.ts';

export type MachineCardProps = {
  machine: ShownMachine | null;
  models: readonly ShownModel[];
  nodeId: string;
  strings: Strings;
  locale: string;
};

export function MachineCard({ machine, models, nodeId, strings, locale }: MachineCardProps) {
  const megabytes = new Intl.NumberFormat(locale, {
    style: 'unit',
    unit: 'megabyte',
    maximumFractionDigits: 1,
  });
  const { title, device, gpu, cpu, cpuHint, node, models: modelsTitle, warm, installed } = strings.machine;
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
        {models.length > 0 && (
          <div>
            <dt>{modelsTitle}</dt>
            <dd>
              <ul className="models">
                {models.map((model) => (
                  <li key={model.name}>
                    <code>{model.name}</code>
                    <span className="hint">
                      {megabytes.format(model.sizeBytes / 1e6)} · {model.isWarm ? warm : installed}
                    </span>
                  </li>
                ))}
              </ul>
            </dd>
          </div>
        )}
      </dl>
    </section>
  );
}
