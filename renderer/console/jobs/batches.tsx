import { useState } from 'react';
import type { BatchState, OwnedBatchPage } from '../../../shared/api/batches.ts';
import { useAsked, useSettled } from '../asked.ts';
import { KeyName, useKeyNames } from '../keys/key-names.tsx';
import { Badge, Card, Load, Table, type Tone, Trouble, useNow } from '../parts.tsx';
import { useSpeech } from '../speech.ts';
import { useApi, useLive } from '../surroundings.ts';

/** Beside the jobs, which are what the page is for. */
const FEW = 5;
const MOST_SHOWN = 100;
/** How long one that is under way is left alone between two looks. */
const LOOK_EVERY_MS = 3_000;
/** Whose files the operator may read. */
const OPERATOR = 'admin';

const TONES: Record<BatchState, Tone> = {
  validating: 'warn',
  in_progress: 'busy',
  finalizing: 'busy',
  cancelling: 'warn',
  completed: 'good',
  failed: 'bad',
  cancelled: 'off',
  expired: 'bad',
};

const LIVE: ReadonlySet<BatchState> = new Set<BatchState>(['validating', 'in_progress', 'finalizing', 'cancelling']);

type OwnedBatch = OwnedBatchPage['data'][number];

/** The batches of all keys, newest first; nothing where there are none. */
export function Batches() {
  const words = useSpeech().texts.batches;
  const api = useApi();
  const [count, setCount] = useState(FEW);
  const { answer, problem, again } = useAsked('batches', () =>
    api.get<OwnedBatchPage>(`/v1/admin/batches?limit=${count}`),
  );
  const { jobs, stats } = useLive();
  useSettled(jobs, again);
  useSettled(`${stats?.jobs.running} ${stats?.jobs.queued}`, again);
  useSettled(count, again, 0);
  const nameOf = useKeyNames();
  const now = useNow(LOOK_EVERY_MS);
  // Nothing tells that the answers of one are written.
  useSettled(answer?.data.some(({ status }) => LIVE.has(status)) ? now : 0, again, 0);
  if (answer === undefined || answer.data.length === 0) return problem === null ? null : <Trouble problem={problem} />;
  return (
    <Card title={words.title}>
      <Trouble problem={problem} />
      <Table label={words.title} heads={words.heads}>
        {answer.data.map((batch) => (
          <Row key={batch.id} batch={batch} nameOf={nameOf} now={now} />
        ))}
      </Table>
      {answer.next !== null && count < MOST_SHOWN && (
        <button type="button" className="button" onClick={() => setCount(MOST_SHOWN)}>
          {words.older}
        </button>
      )}
    </Card>
  );
}

function Row({ batch, nameOf, now }: { batch: OwnedBatch; nameOf(id: string): string; now: number }) {
  const { texts, show } = useSpeech();
  const words = texts.batches;
  const { id, status, errors, endpoint, api_key_id, created_at, request_counts: counts } = batch;
  const fault = errors?.data[0];
  return (
    <tr>
      <th scope="row">
        <span className="code">{id}</span>
        <span className="sub quiet">{endpoint}</span>
      </th>
      <td>
        <Badge tone={TONES[status]}>{words.states[status]}</Badge>
        {fault !== undefined && <span className="sub code">{fault.code}</span>}
      </td>
      <td>
        <Load used={counts.completed + counts.failed} total={counts.total} label={words.progress} />
        {counts.failed > 0 && <span className="sub quiet">{words.failed(counts.failed)}</span>}
      </td>
      <td>
        <KeyName id={api_key_id} nameOf={nameOf} />
      </td>
      <td className="nowrap">{show.ago(created_at * 1_000, now)}</td>
      <td>
        <AnswerFile batch={batch} id={batch.output_file_id} name={words.answers} />
        <AnswerFile batch={batch} id={batch.error_file_id} name={words.errors} />
        {batch.output_file_id === null && batch.error_file_id === null && '—'}
      </td>
    </tr>
  );
}

/** What clients have asked and been answered is theirs alone: the operator sees that it is there. */
function AnswerFile({ batch, id, name }: { batch: OwnedBatch; id: string | null; name: string }) {
  if (id === null) return null;
  if (batch.api_key_id !== OPERATOR) return <span className="sub quiet">{name}</span>;
  return (
    <a className="sub" href={`/v1/files/${encodeURIComponent(id)}/content`} download={`${batch.id}.jsonl`}>
      {name}
    </a>
  );
}
