import type { NodeDetails, NodeHealth } from '../../../shared/api/nodes.ts';
import type { CapabilityDocument } from '../../../shared/protocol/capabilities.ts';
import { machineTexts } from '../../../shared/protocol/machine-text.ts';
import { useAsked, useSettled } from '../asked.ts';
import { Badge, Card, Empty, Fact, Facts, Load, Pending, Table, Trouble, useNow } from '../parts.tsx';
import { useSpeech } from '../speech.ts';
import { useApi, useLive } from '../surroundings.ts';
import { NodeActions } from './node-actions.tsx';
import { kindOf, Labels, NODE_TONES } from './node-cells.tsx';

/** One node: how it is doing, why it is not used, and what an operator can do about it. */
export function NodeView({ id }: { id: string }) {
  const { texts, show } = useSpeech();
  const words = texts.node;
  const api = useApi();
  const path = `/v1/nodes/${encodeURIComponent(id)}`;
  const details = useAsked(`node ${id}`, () => api.get<NodeDetails>(path));
  const health = useAsked(`health ${id}`, () => api.get<NodeHealth>(`${path}/health`));
  const { nodes, stats } = useLive();
  const pushed = nodes.find((node) => node.id === id);
  const refresh = (): void => {
    details.again();
    health.again();
  };
  // In a very large pool nothing is pushed of most nodes: those are asked for as often as the numbers come.
  useSettled(pushed ?? stats, refresh);
  const now = useNow();
  if (details.answer === undefined) return <Pending problem={details.problem} />;
  const node = { ...details.answer, ...pushed };
  return (
    <>
      <Trouble problem={details.problem ?? health.problem} />
      <Card title={words.state}>
        <p className="status-line">
          <Badge tone={NODE_TONES[node.status]}>{texts.nodes.statuses[node.status]}</Badge>
          <Load used={node.slots.used} total={node.slots.total} label={texts.nodes.loadOf(node.name)} />
        </p>
        {health.answer !== undefined && <Reasons reasons={health.answer.reasons} status={node.status} />}
        <NodeActions node={node} onDone={refresh} />
      </Card>
      <div className="columns">
        <Card title={words.facts}>
          <Facts>
            <Fact name={words.name}>{node.name}</Fact>
            <Fact name={words.trust}>{node.trust}</Fact>
            <Fact name={words.labels}>
              <Labels labels={node.labels} />
            </Fact>
            <Fact name={words.machine}>
              <Machine document={details.answer.document} />
            </Fact>
            <Fact name={words.version}>{show.text(details.answer.version)}</Fact>
            <Fact name={words.roundTrip}>{show.duration(details.answer.round_trip_ms)}</Fact>
            <Fact name={words.attempts}>
              {words.attemptsOf(
                show.count(health.answer?.attempts.succeeded),
                show.count(health.answer?.attempts.failed),
              )}
            </Fact>
            <Fact name={words.firstSeen}>{show.moment(node.first_seen_at)}</Fact>
            <Fact name={words.lastSeen}>{show.since(node.last_seen_at, now)}</Fact>
          </Facts>
        </Card>
        <Models node={node} health={health.answer} />
      </div>
    </>
  );
}

function Machine({ document }: Pick<NodeDetails, 'document'>) {
  const { show } = useSpeech();
  if (document === null) return show.text(null);
  return machineTexts((document as CapabilityDocument).hardware).map((part) => (
    <span key={part} className="sub">
      {part}
    </span>
  ));
}

function Reasons({ reasons, status }: { reasons: readonly string[]; status: NodeDetails['status'] }) {
  const words = useSpeech().texts.node;
  if (reasons.length === 0) return status === 'ready' ? <p className="quiet">{words.used}</p> : null;
  return (
    <div className="reasons">
      <h3>{words.whyNot}</h3>
      <ul>
        {reasons.map((reason) => (
          <li key={reason}>{reason}</li>
        ))}
      </ul>
    </div>
  );
}

function Models({ node, health }: { node: NodeDetails; health: NodeHealth | undefined }) {
  const { texts, show } = useSpeech();
  const words = texts.node;
  return (
    <Card title={words.models}>
      {node.models.length === 0 ? (
        <Empty title={words.noModels}>{words.noModelsHint}</Empty>
      ) : (
        <Table label={words.models} heads={words.modelHeads}>
          {node.models.map(({ name, type, state }) => {
            const measured = health?.models.find(({ model }) => model === name);
            return (
              <tr key={name}>
                <th scope="row" className="code">
                  {name}
                </th>
                <td>{words.kinds[kindOf(type)]}</td>
                <td>{state}</td>
                <td className="number">{show.duration(measured?.first_token_ms)}</td>
                <td className="number">{show.count(measured?.tokens_per_s)}</td>
              </tr>
            );
          })}
        </Table>
      )}
    </Card>
  );
}
