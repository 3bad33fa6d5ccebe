import type { NodeDetails, NodeHealth } from '../../../shared/api/nodes.ts';
import type { CapabilityDocument } from '../../../shared/protocol/capabilities.ts';
import { machineTexts } from '../../../shared/protocol/machine-text.ts';
import { useAsked, useSettled } from '../asked.ts';
import { Badge, Card, Empty, Fact, Facts, Load, Pending, Table, Trouble, useNow } from '../parts.tsx';
import { shownCount, shownDuration, shownMoment, shownSince, shownText } from '../shown.ts';
import { STRINGS } from '../strings/strings.ts';
import { useApi, useLive } from '../surroundings.ts';
import { NodeActions } from './node-actions.tsx';
import { kindOf, Labels, NODE_TONES } from './node-cells.tsx';

const TEXT = STRINGS.node;

/** One node: how it is doing, why it is not used, and what an operator can do about it. */
export function NodeView({ id }: { id: string }) {
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
      <Card title={TEXT.state}>
        <p className="status-line">
          <Badge tone={NODE_TONES[node.status]}>{STRINGS.nodes.statuses[node.status]}</Badge>
          <Load used={node.slots.used} total={node.slots.total} label={STRINGS.nodes.loadOf(node.name)} />
        </p>
        {health.answer !== undefined && <Reasons reasons={health.answer.reasons} status={node.status} />}
        <NodeActions node={node} onDone={refresh} />
      </Card>
      <div className="columns">
        <Card title={TEXT.facts}>
          <Facts>
            <Fact name={TEXT.name}>{node.name}</Fact>
            <Fact name={TEXT.trust}>{node.trust}</Fact>
            <Fact name={TEXT.labels}>
              <Labels labels={node.labels} />
            </Fact>
            <Fact name={TEXT.machine}>
              <Machine document={details.answer.document} />
            </Fact>
            <Fact name={TEXT.version}>{shownText(details.answer.version)}</Fact>
            <Fact name={TEXT.roundTrip}>{shownDuration(details.answer.round_trip_ms)}</Fact>
            <Fact name={TEXT.attempts}>
              {TEXT.attemptsOf(
                shownCount(health.answer?.attempts.succeeded),
                shownCount(health.answer?.attempts.failed),
              )}
            </Fact>
            <Fact name={TEXT.firstSeen}>{shownMoment(node.first_seen_at)}</Fact>
            <Fact name={TEXT.lastSeen}>{shownSince(node.last_seen_at, now)}</Fact>
          </Facts>
        </Card>
        <Models node={node} health={health.answer} />
      </div>
    </>
  );
}

function Machine({ document }: Pick<NodeDetails, 'document'>) {
  if (document === null) return shownText(null);
  return machineTexts((document as CapabilityDocument).hardware).map((part) => (
    <span key={part} className="sub">
      {part}
    </span>
  ));
}

function Reasons({ reasons, status }: { reasons: readonly string[]; status: NodeDetails['status'] }) {
  if (reasons.length === 0) return status === 'ready' ? <p className="quiet">{TEXT.used}</p> : null;
  return (
    <div className="reasons">
      <h3>{TEXT.whyNot}</h3>
      <ul>
        {reasons.map((reason) => (
          <li key={reason}>{reason}</li>
        ))}
      </ul>
    </div>
  );
}

function Models({ node, health }: { node: NodeDetails; health: NodeHealth | undefined }) {
  return (
    <Card title={TEXT.models}>
      {node.models.length === 0 ? (
        <Empty title={TEXT.noModels}>{TEXT.noModelsHint}</Empty>
      ) : (
        <Table label={TEXT.models} heads={TEXT.modelHeads}>
          {node.models.map(({ name, type, state }) => {
            const measured = health?.models.find(({ model }) => model === name);
            return (
              <tr key={name}>
                <th scope="row" className="code">
                  {name}
                </th>
                <td>{TEXT.kinds[kindOf(type)]}</td>
                <td>{state}</td>
                <td className="number">{shownDuration(measured?.first_token_ms)}</td>
                <td className="number">{shownCount(measured?.tokens_per_s)}</td>
              </tr>
            );
          })}
        </Table>
      )}
    </Card>
  );
}
