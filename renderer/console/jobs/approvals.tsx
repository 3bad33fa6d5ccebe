import type { JobListItem, JobPage } from '../../../shared/api/jobs.ts';
import type { PendingTask, PendingTaskDetails, PendingTasks } from '../../../shared/api/nodes.ts';
import { useAsked, useSettled } from '../asked.ts';
import { KeyName, useKeyNames } from '../keys/key-names.tsx';
import { Badge, Card, Empty, Fact, Facts, Pending, Table, Trouble, useNow } from '../parts.tsx';
import { linkTo } from '../route.ts';
import { useSpeech } from '../speech.ts';
import { useApi, useLive } from '../surroundings.ts';
import { Decision } from './decision.tsx';

const MOST_JOBS = 100;

/** What waits until a person says yes or no, the longest first. */
export function Approvals() {
  const { texts, show } = useSpeech();
  const words = texts.approvals;
  const api = useApi();
  const path = `/v1/admin/jobs?state=awaiting_approval&limit=${MOST_JOBS}`;
  const jobs = useAsked('jobs to approve', () => api.get<JobPage>(path));
  const tasks = useAsked('tasks to approve', () => api.get<PendingTasks>('/v1/admin/tasks'));
  const { stats } = useLive();
  useSettled(`${stats?.approvals}`, () => {
    jobs.again();
    tasks.again();
  });
  const now = useNow();
  const nameOf = useKeyNames();
  const problem = jobs.problem ?? tasks.problem;
  if (jobs.answer === undefined || tasks.answer === undefined) return <Pending problem={problem} />;
  const rows = [...jobs.answer.data.map(ofJob), ...tasks.answer.data.map(ofTask)].sort((a, b) => a.since - b.since);
  return (
    <>
      <Trouble problem={problem} />
      {rows.length === 0 && (
        <div className="card">
          <Empty title={words.none}>{words.noneHint}</Empty>
        </div>
      )}
      {rows.length > 0 && (
        <Table label={texts.pages.approvals} heads={words.heads}>
          {rows.map((row) => (
            <tr key={row.id}>
              <th scope="row">
                <a className="code" href={row.link}>
                  {row.id}
                </a>
              </th>
              <td>
                <Badge tone="warn">{words[row.kind]}</Badge>
              </td>
              <td>
                <span className="code">{row.model}</span>
                <span className="sub quiet">{row.type}</span>
              </td>
              <td>
                <KeyName id={row.client} nameOf={nameOf} />
              </td>
              <td className="code">{row.node ?? words.anyNode}</td>
              <td className="nowrap">{show.ago(row.since, now)}</td>
            </tr>
          ))}
        </Table>
      )}
      {jobs.answer.next !== null && <p className="quiet">{words.more(MOST_JOBS)}</p>}
    </>
  );
}

type Row = {
  id: string;
  link: string;
  kind: 'job' | 'task';
  model: string;
  type: string;
  client: string;
  node: string | null;
  since: number;
};

function ofJob({ id, model, type, apiKeyId: client, createdAt: since }: JobListItem): Row {
  return { id, link: linkTo('jobs', id), kind: 'job', model, type, client, node: null, since };
}

function ofTask({ id, model, type, client, node, created_at: since }: PendingTask): Row {
  return { id, link: linkTo('approvals', id), kind: 'task', model, type, client, node, since };
}

/** One task for a node, with what is asked of it. */
export function TaskApproval({ id }: { id: string }) {
  const { texts, show } = useSpeech();
  const words = texts.approvals;
  const api = useApi();
  const path = `/v1/admin/tasks/${encodeURIComponent(id)}`;
  const { answer: task, problem } = useAsked(`task ${id}`, () => api.get<PendingTaskDetails>(path));
  const { nodes } = useLive();
  const nameOf = useKeyNames();
  if (task === undefined) return <Pending problem={problem} />;
  const back = (): void => {
    location.hash = linkTo('approvals');
  };
  return (
    <>
      <Card title={words.decide}>
        <Decision
          path={path}
          input={{ value: task.input, problem }}
          approval={{ input_sha256: task.input_sha256 }}
          onDone={back}
        />
      </Card>
      <Card title={words.facts}>
        <Facts>
          <Fact name={words.node}>
            <a href={linkTo('nodes', task.node)}>{nodes.find((node) => node.id === task.node)?.name ?? task.node}</a>
          </Fact>
          <Fact name={words.client}>
            <KeyName id={task.client} nameOf={nameOf} />
          </Fact>
          <Fact name={words.model}>
            <code>{task.model}</code> {task.type}
          </Fact>
          <Fact name={words.asked}>{show.moment(task.created_at)}</Fact>
          <Fact name={words.ends}>{show.moment(task.expires_at)}</Fact>
          <Fact name={words.hash}>
            <code>{task.input_sha256}</code>
          </Fact>
        </Facts>
      </Card>
    </>
  );
}
