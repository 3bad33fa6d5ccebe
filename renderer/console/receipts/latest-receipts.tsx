import type { JobPage } from '../../../shared/api/jobs.ts';
import { useAsked, useSettled } from '../asked.ts';
import { KeyName, useKeyNames } from '../keys/key-names.tsx';
import { Card, Empty, Pending, Table, Trouble, useNow } from '../parts.tsx';
import { linkTo } from '../route.ts';
import { useSpeech } from '../speech.ts';
import { useApi, useLive } from '../surroundings.ts';

const LOOKED_AT = 100;
const SHOWN = 20;

/** The end of the log as people know it: the jobs that have left a receipt last. */
export function LatestReceipts() {
  const { texts, show } = useSpeech();
  const words = texts.receipts;
  const api = useApi();
  const { answer, problem, again } = useAsked('receipts', () => api.get<JobPage>(`/v1/admin/jobs?limit=${LOOKED_AT}`));
  useSettled(useLive().jobs, again);
  const now = useNow();
  const nameOf = useKeyNames();
  const jobs = (answer?.data ?? []).filter(({ state }) => state === 'succeeded').slice(0, SHOWN);
  return (
    <Card title={words.latest}>
      {answer === undefined ? <Pending problem={problem} /> : <Trouble problem={problem} />}
      {answer !== undefined && jobs.length === 0 && <Empty title={words.none}>{words.noneHint}</Empty>}
      {jobs.length > 0 && (
        <Table label={words.latest} heads={words.heads}>
          {jobs.map(({ id, model, apiKeyId, usage, finishedAt }) => (
            <tr key={id}>
              <th scope="row">
                <a className="code" href={linkTo('receipts', id)}>
                  {id}
                </a>
              </th>
              <td className="code">{model}</td>
              <td>
                <KeyName id={apiKeyId} nameOf={nameOf} />
              </td>
              <td className="number">{show.count(usage?.outputTokens)}</td>
              <td className="nowrap">{show.ago(finishedAt, now)}</td>
            </tr>
          ))}
        </Table>
      )}
    </Card>
  );
}
