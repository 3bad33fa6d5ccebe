import { useState } from 'react';
import type { JobListItem, JobPage, JobState } from '../../../shared/api/jobs.ts';
import { useAsked, useSettled } from '../asked.ts';
import { ChoiceField } from '../fields.tsx';
import { KeyName, useKeyNames } from '../keys/key-names.tsx';
import { Badge, Empty, Pending, Table, type Tone, Trouble, useNow } from '../parts.tsx';
import { linkTo } from '../route.ts';
import { useSpeech } from '../speech.ts';
import { useApi, useLive } from '../surroundings.ts';
import { Batches } from './batches.tsx';

const PAGE = 50;
/** What the relay gives in one answer; whoever looks further back asks the API. */
const MOST_SHOWN = 1_000;

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
const STATES = Object.keys(JOB_TONES) as JobState[];

/** The jobs of all keys, and the batches that many of them may belong to. */
export function Jobs() {
  return (
    <>
      <Batches />
      <JobList />
    </>
  );
}

/** The jobs of all keys, newest first. */
function JobList() {
  const { texts } = useSpeech();
  const words = texts.jobs;
  const api = useApi();
  const [count, setCount] = useState(PAGE);
  const [state, setState] = useState<JobState | ''>('');
  const nameOf = useKeyNames();
  // All that is shown is asked for together: rows that were read once would go on saying how they were then.
  const { answer, problem, again } = useAsked(`jobs ${state}`, () =>
    api.get<JobPage>(`/v1/jobs?limit=${count}${state === '' ? '' : `&state=${state}`}`),
  );
  const { jobs, stats } = useLive();
  useSettled(jobs, again);
  // Nothing else tells of a job that has come: of those of the queue only what becomes of them is told.
  useSettled(`${stats?.jobs.running} ${stats?.jobs.waiting} ${stats?.jobs.queued} ${stats?.approvals}`, again);
  useSettled(count, again, 0);
  const now = useNow();
  if (answer === undefined && state === '') return <Pending problem={problem} />;
  if (answer?.data.length === 0 && state === '') {
    return (
      <div className="card">
        <Empty title={words.none}>
          {words.noneHint} <a href={linkTo('playground')}>{words.tryOne}</a>
        </Empty>
      </div>
    );
  }
  return (
    <>
      <search className="choices">
        <ChoiceField<JobState | ''>
          label={words.state}
          value={state}
          options={['', ...STATES]}
          nameOf={(name) => (name === '' ? words.anyState : words.states[name])}
          onChoose={setState}
        />
      </search>
      {answer === undefined ? <Pending problem={problem} /> : <Trouble problem={problem} />}
      {answer?.data.length === 0 && <p className="quiet">{words.noneOfState}</p>}
      {answer !== undefined && answer.data.length > 0 && (
        <Table label={texts.pages.jobs} heads={words.heads}>
          {answer.data.map((job) => (
            <Row key={job.id} job={job} nameOf={nameOf} now={now} />
          ))}
        </Table>
      )}
      {answer !== undefined && answer.next !== null && count < MOST_SHOWN && (
        <button type="button" className="button" onClick={() => setCount(Math.min(MOST_SHOWN, count + PAGE))}>
          {words.older}
        </button>
      )}
    </>
  );
}

function Row({ job, nameOf, now }: { job: JobListItem; nameOf(id: string): string; now: number }) {
  const { texts, show } = useSpeech();
  const words = texts.jobs;
  const { id, state, problem, model, type, apiKeyId, createdAt, finishedAt, usage } = job;
  return (
    <tr>
      <th scope="row">
        <a className="code" href={linkTo('jobs', id)}>
          {id}
        </a>
      </th>
      <td>
        <Badge tone={JOB_TONES[state]}>{words.states[state]}</Badge>
        {problem !== null && <span className="sub code">{problem.code}</span>}
      </td>
      <td>
        <span className="code">{model}</span>
        <span className="sub quiet">{type}</span>
      </td>
      <td>
        <KeyName id={apiKeyId} nameOf={nameOf} />
      </td>
      <td className="nowrap">{show.ago(createdAt, now)}</td>
      <td className="number">{finishedAt === null ? '—' : show.duration(finishedAt - createdAt)}</td>
      <td className="number">{usage === null ? '—' : show.compact(usage.inputTokens + usage.outputTokens)}</td>
    </tr>
  );
}
