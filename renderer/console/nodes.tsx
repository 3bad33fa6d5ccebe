import { useDeferredValue, useMemo, useState } from 'react';
import type { NodeStatus, NodeSummary } from '../../shared/api/nodes.ts';
import { isServiceType, KERNEL_TYPES } from '../../shared/protocol/subjects.ts';
import { ChoiceField, TextField } from './fields.tsx';
import { Badge, Empty, Load, Table, type Tone, useNow } from './parts.tsx';
import { linkTo } from './route.ts';
import { shownAgo } from './shown.ts';
import { STRINGS } from './strings.ts';
import { useLive } from './surroundings.ts';

const TEXT = STRINGS.nodes;

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

/** As people count: node 9 stands before node 10. */
const BY_NAME = new Intl.Collator('en', { numeric: true });

/** Every node with its load, as it changes. */
export function Nodes() {
  const { nodes, stats } = useLive();
  const inOrder = useMemo(() => [...nodes].sort((one, other) => BY_NAME.compare(one.name, other.name)), [nodes]);
  const [wanted, setWanted] = useState('');
  const [status, setStatus] = useState<NodeStatus | ''>('');
  const words = useDeferredValue(wanted.trim().toLowerCase());
  const now = useNow();
  if (stats === null) return <p className="quiet">{STRINGS.loading}</p>;
  if (nodes.length === 0) {
    return (
      <div className="card">
        <Empty title={TEXT.none}>
          {TEXT.noneHint} <a href={linkTo('pairing')}>{TEXT.pairOne}</a>
        </Empty>
      </div>
    );
  }
  const shown = inOrder.filter((node) => (status === '' || node.status === status) && textOf(node).includes(words));
  return (
    <>
      <Filter wanted={wanted} status={status} nodes={nodes} onWanted={setWanted} onStatus={setStatus} />
      <p className="quiet" role="status">
        {TEXT.shown(shown.length, stats.nodes.known)}
      </p>
      {shown.length > 0 && (
        <Table label={STRINGS.pages.nodes} heads={TEXT.heads}>
          {shown.map((node) => (
            <Row key={node.id} node={node} now={now} />
          ))}
        </Table>
      )}
    </>
  );
}

type FilterProps = {
  wanted: string;
  status: NodeStatus | '';
  nodes: readonly NodeSummary[];
  onWanted(text: string): void;
  onStatus(status: NodeStatus | ''): void;
};

function Filter({ wanted, status, nodes, onWanted, onStatus }: FilterProps) {
  const counts = Map.groupBy(nodes, (node) => node.status);
  return (
    <search className="filter">
      <TextField type="search" label={TEXT.filter} hint={TEXT.filterHint} value={wanted} onChange={onWanted} />
      <ChoiceField
        label={TEXT.status}
        value={status}
        options={['', ...counts.keys()]}
        nameOf={(name) => (name === '' ? TEXT.anyStatus : `${TEXT.statuses[name]} (${counts.get(name)?.length ?? 0})`)}
        onChoose={onStatus}
      />
    </search>
  );
}

function Row({ node, now }: { node: NodeSummary; now: number }) {
  const { id, name, status, slots, models, labels, reason, since } = node;
  return (
    <tr>
      <th scope="row">
        <a href={linkTo('nodes', id)}>{name}</a>
        <span className="sub code">{id}</span>
      </th>
      <td>
        <Badge tone={NODE_TONES[status]}>{TEXT.statuses[status]}</Badge>
        {reason !== null && <span className="sub">{TEXT.reasonOf(reason, shownAgo(since, now))}</span>}
      </td>
      <td>
        <Load used={slots.used} total={slots.total} label={TEXT.loadOf(name)} />
      </td>
      <td>
        <Served models={models} />
      </td>
      <td>
        <Labels labels={labels} />
      </td>
      <td className="nowrap">{node.connected ? TEXT.connected : shownAgo(node.last_seen_at, now)}</td>
    </tr>
  );
}

/** The first model by its name, how many others there are, and what is no model. */
function Served({ models: served }: Pick<NodeSummary, 'models'>) {
  const { model: models = [], program: programs = [], kernels } = Object.groupBy(served, ({ type }) => kindOf(type));
  const also = [...programs.map(({ name }) => name), ...(kernels === undefined ? [] : [TEXT.kernels])];
  return (
    <>
      {models[0] !== undefined && <span className="sub code">{models[0].name}</span>}
      {models.length > 1 && <span className="sub quiet">{TEXT.moreModels(models.length - 1)}</span>}
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

/** What a search looks at. */
function textOf({ id, name, models, labels }: NodeSummary): string {
  const parts = [
    id,
    name,
    ...models.map((model) => model.name),
    ...Object.entries(labels).map((pair) => pair.join('=')),
  ];
  return parts.join(' ').toLowerCase();
}
