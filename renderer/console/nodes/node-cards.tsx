import { useMemo } from 'react';
import type { Cluster } from '../../../shared/api/cluster.ts';
import type { NodeSummary } from '../../../shared/api/nodes.ts';
import { useAsked, useSettled } from '../asked.ts';
import { Badge, Table, Trouble } from '../parts.tsx';
import { useSpeech } from '../speech.ts';
import { useApi, useLive } from '../surroundings.ts';
import { LoadCell, NameCell, SeenCell, Served, StatusCell } from './node-cells.tsx';
import { type NodePace, pacesOf } from './node-pace.ts';

/** Speeds move by a fifth with each job: nobody reads them more often. */
const ASKED_AGAIN_MS = 2_000;

type Measured = Cluster['nodes'][number];

/** Nodes with how fast they are and how they do. Whoever is slow or fails comes first, and says so. */
export function NodeCards({ nodes, now }: { nodes: readonly NodeSummary[]; now: number }) {
  const { texts } = useSpeech();
  const words = texts.nodes;
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
      <p role="status">{words.ofConcern(countOf('isSlow'), countOf('isFailing'))}</p>
      <Table label={texts.pages.nodes} heads={words.cardHeads} layout="cards">
        {inOrder.map((node) => (
          <NodeCard key={node.id} node={node} now={now} measured={measured.get(node.id)} pace={paces.get(node.id)} />
        ))}
      </Table>
    </>
  );
}

type NodeCardProps = { node: NodeSummary; now: number; measured: Measured | undefined; pace: NodePace | undefined };

function NodeCard({ node, now, measured, pace }: NodeCardProps) {
  const { texts, show } = useSpeech();
  const words = texts.nodes;
  const { attempts } = measured ?? {};
  return (
    <tr data-concern={pace?.isFailing === true ? 'failing' : pace?.isSlow === true ? 'slow' : undefined}>
      <NameCell node={node} />
      <StatusCell node={node} now={now} />
      <td>{show.text(measured?.gpu)}</td>
      {node.connected ? <LoadCell node={node} /> : <td>{show.text(null)}</td>}
      <td>{node.models.length === 0 ? show.text(null) : <Served models={node.models} />}</td>
      <td>
        <Speed name={node.name} pace={pace} />
      </td>
      <td>
        {pace?.isFailing === true && <Badge tone="bad">{words.failing}</Badge>}
        {attempts === undefined || attempts.succeeded + attempts.failed === 0 ? (
          show.text(null)
        ) : (
          <span className="sub">
            {texts.node.attemptsOf(show.count(attempts.succeeded), show.count(attempts.failed))}
          </span>
        )}
      </td>
      <SeenCell node={node} now={now} />
    </tr>
  );
}

function Speed({ name, pace }: { name: string; pace: NodePace | undefined }) {
  const { texts, show } = useSpeech();
  const words = texts.nodes;
  if (pace === undefined || pace.speed === null) return show.text(null);
  const { model, tokensPerS, othersPerS, share } = pace.speed;
  const tone = pace.isSlow ? 'warn' : undefined;
  return (
    <>
      {pace.isSlow && <Badge tone="warn">{words.slow}</Badge>}
      <span className="load">
        <progress className="progress" data-tone={tone} value={share} max={1} aria-label={words.speedOf(name)} />
        <span className="load-count">{words.speed(show.count(tokensPerS))}</span>
      </span>
      {pace.isSlow && <span className="sub">{words.others(show.count(othersPerS))}</span>}
      <span className="sub code">{model}</span>
    </>
  );
}
