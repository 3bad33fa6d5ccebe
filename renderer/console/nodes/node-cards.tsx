import { useMemo } from 'react';
import type { Cluster } from '../../../shared/api/cluster.ts';
import type { NodeSummary } from '../../../shared/api/nodes.ts';
import { useAsked, useSettled } from '../asked.ts';
import { Badge, Table, Trouble } from '../parts.tsx';
import { shownCount, shownText } from '../shown.ts';
import { STRINGS } from '../strings/strings.ts';
import { useApi, useLive } from '../surroundings.ts';
import { LoadCell, NameCell, SeenCell, Served, StatusCell } from './node-cells.tsx';
import { type NodePace, pacesOf } from './node-pace.ts';

const TEXT = STRINGS.nodes;
/** Speeds move by a fifth with each job: nobody reads them more often. */
const ASKED_AGAIN_MS = 2_000;

type Measured = Cluster['nodes'][number];

/** Nodes with how fast they are and how they do. Whoever is slow or fails comes first, and says so. */
export function NodeCards({ nodes, now }: { nodes: readonly NodeSummary[]; now: number }) {
  const api = useApi();
  const { answer, problem, again } = useAsked('cluster', () => api.get<Cluster>('/v1/cluster'));
  useSettled(useLive().stats, again, ASKED_AGAIN_MS);
  const measured = useMemo(() => new Map(answer?.nodes.map((node) => [node.id, node])), [answer]);
  const paces = useMemo(() => pacesOf(answer?.nodes ?? []), [answer]);
  const isOfConcern = ({ id }: NodeSummary): boolean => {
    const pace = paces.get(id);
    return pace !== undefined && (pace.isSlow || pace.isFailing);
  };
  const inOrder = [...nodes.filter(isOfConcern), ...nodes.filter((node) => !isOfConcern(node))];
  const countOf = (what: 'isSlow' | 'isFailing') => nodes.filter(({ id }) => paces.get(id)?.[what] === true).length;
  return (
    <>
      <Trouble problem={problem} />
      <p role="status">{TEXT.ofConcern(countOf('isSlow'), countOf('isFailing'))}</p>
      <Table label={STRINGS.pages.nodes} heads={TEXT.cardHeads} layout="cards">
        {inOrder.map((node) => (
          <NodeCard key={node.id} node={node} now={now} measured={measured.get(node.id)} pace={paces.get(node.id)} />
        ))}
      </Table>
    </>
  );
}

type NodeCardProps = { node: NodeSummary; now: number; measured: Measured | undefined; pace: NodePace | undefined };

function NodeCard({ node, now, measured, pace }: NodeCardProps) {
  const { attempts } = measured ?? {};
  return (
    <tr data-concern={pace?.isFailing === true ? 'failing' : pace?.isSlow === true ? 'slow' : undefined}>
      <NameCell node={node} />
      <StatusCell node={node} now={now} />
      <td>{shownText(measured?.gpu)}</td>
      {node.connected ? <LoadCell node={node} /> : <td>{shownText(null)}</td>}
      <td>{node.models.length === 0 ? shownText(null) : <Served models={node.models} />}</td>
      <td>
        <Speed name={node.name} pace={pace} />
      </td>
      <td>
        {pace?.isFailing === true && <Badge tone="bad">{TEXT.failing}</Badge>}
        {attempts === undefined || attempts.succeeded + attempts.failed === 0 ? (
          shownText(null)
        ) : (
          <span className="sub">
            {STRINGS.node.attemptsOf(shownCount(attempts.succeeded), shownCount(attempts.failed))}
          </span>
        )}
      </td>
      <SeenCell node={node} now={now} />
    </tr>
  );
}

function Speed({ name, pace }: { name: string; pace: NodePace | undefined }) {
  if (pace === undefined || pace.speed === null) return shownText(null);
  const { model, tokensPerS, othersPerS, share } = pace.speed;
  const tone = pace.isSlow ? 'warn' : undefined;
  return (
    <>
      {pace.isSlow && <Badge tone="warn">{TEXT.slow}</Badge>}
      <span className="load">
        <progress className="progress" data-tone={tone} value={share} max={1} aria-label={TEXT.speedOf(name)} />
        <span className="load-count">{TEXT.speed(shownCount(tokensPerS))}</span>
      </span>
      {pace.isSlow && <span className="sub">{TEXT.others(shownCount(othersPerS))}</span>}
      <span className="sub code">{model}</span>
    </>
  );
}
