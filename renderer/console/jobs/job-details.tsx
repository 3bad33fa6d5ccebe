import type { Job } from '../../../shared/api/jobs.ts';
import type { RouteExplanation } from '../../../shared/api/routing.ts';
import { sentenceOf } from '../api.ts';
import { useAsked, useDoing, useSettled } from '../asked.ts';
import { KeyName, useKeyNames } from '../keys/key-names.tsx';
import { newsOfJob } from '../live.ts';
import { AskedTwice, Badge, Card, Empty, Fact, Facts, Pending, Table, Trouble } from '../parts.tsx';
import { linkTo } from '../route.ts';
import { useSpeech } from '../speech.ts';
import { useApi, useLive } from '../surroundings.ts';
import { Decision } from './decision.tsx';
import { JOB_TONES } from './jobs.tsx';

/** The relay looks at every node for the answer, and in a busy pool each second brings other nodes. */
const WHY_AFTER_MS = 1_000;

/** One job: what became of it on which node, why it waits, and how to end it. */
export function JobDetails({ id }: { id: string }) {
  const { texts, show } = useSpeech();
  const words = texts.job;
  const api = useApi();
  const {
    answer: job,
    problem,
    again,
  } = useAsked(`job ${id}`, () => api.get<Job>(`/v1/jobs/${encodeURIComponent(id)}`));
  const nameOf = useKeyNames();
  useSettled(newsOfJob(useLive(), id), again);
  if (job === undefined) return <Pending problem={problem} />;
  const isWaiting = job.state === 'queued';
  return (
    <>
      <Trouble problem={problem} />
      <Card title={words.state}>
        <p className="status-line">
          <Badge tone={JOB_TONES[job.state]}>{texts.jobs.states[job.state]}</Badge>
          {job.problem !== null && <code>{job.problem.code}</code>}
        </p>
        {job.problem !== null && <p>{job.problem.detail}</p>}
        {isWaiting && <WhyWaiting id={job.id} />}
        <Ends job={job} onDone={again} />
      </Card>
      <Card title={words.attempts}>
        <Attempts job={job} />
      </Card>
      <Card title={words.facts}>
        <Facts>
          <Fact name={words.model}>
            <code>{job.model}</code>
          </Fact>
          <Fact name={words.service}>{job.queue?.service ?? job.type}</Fact>
          <Fact name={words.key}>
            <KeyName id={job.apiKeyId} nameOf={nameOf} />
          </Fact>
          <Fact name={words.created}>{show.moment(job.createdAt)}</Fact>
          <Fact name={words.finished}>{show.moment(job.finishedAt)}</Fact>
          {job.queue !== null && <Fact name={words.deadline}>{show.moment(job.queue.deadline)}</Fact>}
          <Fact name={words.tokens}>
            {words.tokensOf(show.count(job.usage?.inputTokens), show.count(job.usage?.outputTokens))}
          </Fact>
          <Fact name={words.receipt}>
            {job.receipt === null ? '—' : <a href={linkTo('receipts', job.receipt.id)}>{job.receipt.id}</a>}
          </Fact>
        </Facts>
      </Card>
    </>
  );
}

/** The scheduler's own words. */
function WhyWaiting({ id }: { id: string }) {
  const speech = useSpeech();
  const words = speech.texts.job;
  const api = useApi();
  const { answer, problem, again } = useAsked(`why ${id}`, () =>
    api.get<RouteExplanation>(`/v1/admin/jobs/${encodeURIComponent(id)}/route`),
  );
  useSettled(useLive().nodes, again, WHY_AFTER_MS);
  const change = answer?.nearest_change;
  return (
    <div className="reasons">
      <h3>{words.why}</h3>
      {problem !== null && <p>{sentenceOf(problem, speech)}</p>}
      {answer !== undefined && (
        <ul>
          <li>{answer.would_run ? words.wouldRun : answer.would_wait ? words.wouldWait : words.wouldNot}</li>
          {change?.changes.map((text) => (
            <li key={text}>{words.nearest(change.node, text)}</li>
          ))}
          {Object.entries(answer.removed).map(([filter, count]) => (
            <li key={filter}>{words.removed(filter, count)}</li>
          ))}
        </ul>
      )}
    </div>
  );
}

function Ends({ job, onDone }: { job: Job; onDone(): void }) {
  const words = useSpeech().texts.job;
  const api = useApi();
  const { isBusy, problem, run } = useDoing();
  const act = (path: string): void =>
    run(async () => {
      await api.post(path);
      onDone();
    });
  const id = encodeURIComponent(job.id);
  if (job.finishedAt !== null) return null;
  if (job.state === 'awaiting_approval') return <JobDecision id={job.id} onDone={onDone} />;
  return (
    <>
      <div className="actions">
        <AskedTwice
          label={words.cancel}
          title={words.cancelTitle}
          body={words.cancelBody}
          isBusy={isBusy}
          onYes={() => act(`/v1/jobs/${id}/cancel`)}
        />
      </div>
      <Trouble problem={problem} />
    </>
  );
}

function JobDecision({ id, onDone }: { id: string; onDone(): void }) {
  const words = useSpeech().texts.job;
  const api = useApi();
  const path = `/v1/admin/jobs/${encodeURIComponent(id)}`;
  const { answer, problem } = useAsked(`input ${id}`, () => api.get<{ input: unknown }>(`${path}/input`));
  const input = answer === undefined && problem === null ? undefined : { value: answer?.input, problem };
  return (
    <>
      <p>{words.whyApproval}</p>
      <Decision path={path} input={input} onDone={onDone} />
    </>
  );
}

function Attempts({ job }: { job: Job }) {
  const { texts, show } = useSpeech();
  const words = texts.job;
  if (job.attempts.length === 0) return <Empty title={words.noAttempts}>{words.noAttemptsHint}</Empty>;
  return (
    <Table label={words.attempts} heads={words.attemptHeads}>
      {job.attempts.map(({ attempt, nodeId, state, problem, queuedAt, startedAt, firstTokenAt, finishedAt }) => (
        <tr key={attempt}>
          <th scope="row">{attempt}</th>
          <td>
            <a className="code" href={linkTo('nodes', nodeId)}>
              {nodeId}
            </a>
          </td>
          <td>
            <Badge tone={JOB_TONES[state]}>{texts.jobs.states[state]}</Badge>
            {problem !== null && (
              <span className="sub">
                <code>{problem.code}</code> {problem.detail}
              </span>
            )}
          </td>
          <td className="number">{show.duration(startedAt === null ? null : startedAt - queuedAt)}</td>
          <td className="number">{show.duration(firstTokenAt === null ? null : firstTokenAt - queuedAt)}</td>
          <td className="number">{show.duration(finishedAt === null ? null : finishedAt - queuedAt)}</td>
        </tr>
      ))}
    </Table>
  );
}
