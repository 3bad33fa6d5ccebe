import type { NodeStatus, NodeSummary } from '../../../shared/api/nodes.ts';
import { isServiceType, KERNEL_TYPES } from '../../../shared/protocol/subjects.ts';
import { Badge, Load, type Tone } from '../parts.tsx';
import { linkTo } from '../route.ts';
import { useSpeech } from '../speech.ts';

export const NODE_TONES: Record<NodeStatus, Tone> = {
  ready: 'good',
  full: 'busy',
  closed: 'off',
  cordoned: 'warn',
  draining: 'warn',
  drained: 'off',
  offline: 'off',
  pending: 'warn',
  revoked: 'bad',
};

/** What a node of a list is told of; `now` is for what is shown as "a minute ago". */
export type NodeCellProps = { node: NodeSummary; now: number };

export function NameCell({ node: { id, name } }: Pick<NodeCellProps, 'node'>) {
  return (
    <th scope="row">
      <a href={linkTo('nodes', id)}>{name}</a>
      <span className="sub code">{id}</span>
    </th>
  );
}

export function StatusCell({ node: { status, reason, since }, now }: NodeCellProps) {
  const { texts, show } = useSpeech();
  const words = texts.nodes;
  return (
    <td>
      <Badge tone={NODE_TONES[status]}>{words.statuses[status]}</Badge>
      {reason !== null && <span className="sub">{words.reasonOf(reason, show.since(since, now))}</span>}
    </td>
  );
}

export function LoadCell({ node: { name, slots } }: Pick<NodeCellProps, 'node'>) {
  const words = useSpeech().texts.nodes;
  return (
    <td>
      <Load used={slots.used} total={slots.total} label={words.loadOf(name)} />
    </td>
  );
}

export function SeenCell({ node, now }: NodeCellProps) {
  const { texts, show } = useSpeech();
  const words = texts.nodes;
  return <td className="nowrap">{node.connected ? words.connected : show.since(node.last_seen_at, now)}</td>;
}

/** The first model by its name, how many others there are, and what is no model. */
export function Served({ models: served }: Pick<NodeSummary, 'models'>) {
  const words = useSpeech().texts.nodes;
  const { model: models = [], program: programs = [], kernels } = Object.groupBy(served, ({ type }) => kindOf(type));
  const also = [...programs.map(({ name }) => name), ...(kernels === undefined ? [] : [words.kernels])];
  return (
    <>
      {models[0] !== undefined && <span className="sub code">{models[0].name}</span>}
      {models.length > 1 && <span className="sub quiet">{words.moreModels(models.length - 1)}</span>}
      {also.length > 0 && <span className="sub quiet">{also.join(', ')}</span>}
    </>
  );
}

/** Programs and kernels are told of as models are, but whoever counts models means others. */
export function kindOf(type: string): 'model' | 'program' | 'kernels' {
  if (!isServiceType(type)) return 'model';
  return (KERNEL_TYPES as readonly string[]).includes(type) ? 'kernels' : 'program';
}

export function Labels({ labels }: { labels: NodeSummary['labels'] }) {
  const entries = Object.entries(labels);
  if (entries.length === 0) return <span className="quiet">—</span>;
  return (
    <span className="labels">
      {entries.map(([name, value]) => (
        <span key={name} className="label code">
          {name}={value}
        </span>
      ))}
    </span>
  );
}
