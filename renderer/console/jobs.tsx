import { useState } from 'react';
import type { JobListItem, JobPage, JobState } from '../../shared/api/jobs.ts';
import { useAsked, useDoing, useSettled } from './asked.ts';
import { Badge, Empty, Table, type Tone, Trouble, useNow } from './parts.tsx';
import { linkTo } from './route.ts';
import { shownAgo, shownCompact, shownDuration } from './shown.ts';
import { STRINGS } from './strings.ts';
import { useApi, useLive } from './surroundings.ts';

const TEXT = STRINGS.jobs;
const PAGE = 50;

export const JOB_TONES: Record<JobState, Tone> = {
  awaiting_approval: 'warn',
  queued: 'warn',
  assigned: 'busy',
  running: 'busy',
  succeeded: 'good',
  failed: 'bad',
  cancelled: 'off',
  expired: 'bad',
};

/** The jobs of all keys, newest first. */
export function Jobs() {
  const api = useApi();
  const newest = useAsked('jobs', () => api.get<JobPage>(`/v1/jobs?limit=${PAGE}`));
  const [older, setOlder] = useState<JobListItem[]>([]);
  const [next, setNext] = useState<string | null>();
  const { isBusy, problem, run } = useDoing();
  useSettled(useLive().jobs, newest.again);
  const now = useNow();
  const { answer } = newest;
  if (answer === undefined) return <Trouble problem={newest.problem} />;
  if (answer.data.length === 0) {
    return (
      <div className="card">
        <Empty title={TEXT.none}>
          {TEXT.noneHint} <a href={linkTo('playground')}>{TEXT.tryOne}</a>
        </Empty>
      </div>
    );
  }
  const cursor = next === undefined ? answer.next : next;
  const jobs = [...new Map([...older, ...answer.data].map((job) => [job.id, job])).values()].sort(
    (one, other) => other.createdAt - one.createdAt,
  );
  const more = (after: string): void =>
    run(async () => {
      const page = await api.get<JobPage>(`/v1/jobs?limit=${PAGE}&after=${after}`);
      setOlder((before) => [...before, ...answer.data, ...page.data]);
      setNext(page.next);
    });
  return (
    <>
      <Trouble problem={newest.problem ?? problem} />
      <Table label={STRINGS.pages.jobs} heads={TEXT.heads}>
        {jobs.map((job) => (
          <Row key={job.id} job={job} now={now} />
        ))}
      </Table>
      {cursor !== null && (
        <button type="button" className="button" disabled={isBusy} onClick={() => more(cursor)}>
          {TEXT.older}
        </button>
      )}
    </>
  );
}

function Row({ job, now }: { job: JobListItem; now: number }) {
  const { id, state, problem, model, type, apiKeyId, createdAt, finishedAt, usage } = job;
  return (
    <tr>
      <th scope="row">
        <a className="code" href={linkTo('jobs', id)}>
          {id}
        </a>
      </th>
      <td>
        <Badge tone={JOB_TONES[state]}>{TEXT.states[state]}</Badge>
        {problem !== null && <span className="sub code">{problem.code}</span>}
      </td>
      <td>
        <span className="code">{model}</span>
        <span className="sub quiet">{type}</span>
      </td>
      <td className="code">{apiKeyId}</td>
      <td className="nowrap">{shownAgo(createdAt, now)}</td>
      <td className="number">{finishedAt === null ? '—' : shownDuration(finishedAt - createdAt)}</td>
      <td className="number">{usage === null ? '—' : shownCompact(usage.inputTokens + usage.outputTokens)}</td>
    </tr>
  );
}
