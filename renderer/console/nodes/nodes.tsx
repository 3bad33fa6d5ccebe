import { useDeferredValue, useMemo, useState } from 'react';
import type { NodeStatus, NodeSummary } from '../../../shared/api/nodes.ts';
import { ChoiceField, TextField } from '../fields.tsx';
import { Empty, Table, useNow } from '../parts.tsx';
import { linkTo } from '../route.ts';
import { useSpeech } from '../speech.ts';
import { useLive } from '../surroundings.ts';
import { NodeCards } from './node-cards.tsx';
import { Labels, LoadCell, NameCell, type NodeCellProps, SeenCell, Served, StatusCell } from './node-cells.tsx';
import { NODE_LAYOUTS, type NodeLayout, useNodeLayout } from './node-layout.ts';

/** As people count: node 9 stands before node 10. */
const BY_NAME = new Intl.Collator('en', { numeric: true });

/** Every node with its load, as it changes. */
export function Nodes() {
  const { texts } = useSpeech();
  const words = texts.nodes;
  const { nodes, stats } = useLive();
  const inOrder = useMemo(() => [...nodes].sort((one, other) => BY_NAME.compare(one.name, other.name)), [nodes]);
  const [wanted, setWanted] = useState('');
  const [status, setStatus] = useState<NodeStatus | ''>('');
  const [layout, setLayout] = useNodeLayout();
  const sought = useDeferredValue(wanted.trim().toLowerCase());
  const now = useNow();
  if (stats === null) return <p className="quiet">{texts.loading}</p>;
  if (nodes.length === 0) {
    return (
      <div className="card">
        <Empty title={words.none}>
          {words.noneHint} <a href={linkTo('pairing')}>{words.pairOne}</a>
        </Empty>
      </div>
    );
  }
  const shown = inOrder.filter((node) => (status === '' || node.status === status) && textOf(node).includes(sought));
  return (
    <>
      <Filter {...{ wanted, status, nodes, layout }} onWanted={setWanted} onStatus={setStatus} onLayout={setLayout} />
      <p className="quiet" role="status">
        {words.shown(shown.length, stats.nodes.known)}
      </p>
      {shown.length > 0 && layout === 'cards' && <NodeCards nodes={shown} now={now} />}
      {shown.length > 0 && layout === 'table' && (
        <Table label={texts.pages.nodes} heads={words.heads}>
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
  layout: NodeLayout;
  onWanted(text: string): void;
  onStatus(status: NodeStatus | ''): void;
  onLayout(layout: NodeLayout): void;
};

function Filter({ wanted, status, nodes, layout, onWanted, onStatus, onLayout }: FilterProps) {
  const words = useSpeech().texts.nodes;
  const counts = Map.groupBy(nodes, (node) => node.status);
  return (
    <search className="filter">
      <TextField type="search" label={words.filter} hint={words.filterHint} value={wanted} onChange={onWanted} />
      <ChoiceField
        label={words.status}
        value={status}
        options={['', ...counts.keys()]}
        nameOf={(name) =>
          name === '' ? words.anyStatus : `${words.statuses[name]} (${counts.get(name)?.length ?? 0})`
        }
        onChoose={onStatus}
      />
      <ChoiceField
        label={words.layout}
        value={layout}
        options={NODE_LAYOUTS}
        nameOf={(name) => words.layouts[name]}
        onChoose={onLayout}
      />
    </search>
  );
}

function Row({ node, now }: NodeCellProps) {
  return (
    <tr>
      <NameCell node={node} />
      <StatusCell node={node} now={now} />
      <LoadCell node={node} />
      <td>
        <Served models={node.models} />
      </td>
      <td>
        <Labels labels={node.labels} />
      </td>
      <SeenCell node={node} now={now} />
    </tr>
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
