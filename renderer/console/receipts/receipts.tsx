import { type FormEvent, useState } from 'react';
import type { AuditReport, ReceiptList } from '../../../shared/api/receipts.ts';
import type { TreeHead } from '../../../shared/receipts/log/tree-head.ts';
import type { ReceiptProof } from '../../../shared/receipts/receipt-proof.ts';
import { Findings } from '../../receipts/findings.tsx';
import { type Api, OwnProblem } from '../api.ts';
import { useAsked, useDoing, useSettled } from '../asked.ts';
import { TextField } from '../fields.tsx';
import { Card, Fact, Facts, Pending, Trouble } from '../parts.tsx';
import { linkTo } from '../route.ts';
import { useSpeech } from '../speech.ts';
import { useApi, useLive } from '../surroundings.ts';
import { LatestReceipts } from './latest-receipts.tsx';

const HEAD_AFTER_MS = 1_500;

/** The log of receipts: its head, one receipt with everything that proves it, and a look at the whole. */
export function Receipts({ id }: { id: string | null }) {
  return (
    <>
      <Find first={id ?? ''} />
      {id !== null && <Proof id={id} />}
      <Log />
      {id === null && <LatestReceipts />}
    </>
  );
}

function Find({ first }: { first: string }) {
  const words = useSpeech().texts.receipts;
  const [text, setText] = useState(first);
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    location.hash = linkTo('receipts', text.trim());
  };
  return (
    <form className="inline-form" onSubmit={submit}>
      <TextField
        label={words.find}
        hint="rcpt_… / job_…"
        value={text}
        onChange={setText}
        isCode
        required
        maxLength={64}
      />
      <button type="submit" className="button" data-kind="primary">
        {words.findIt}
      </button>
    </form>
  );
}

/** A job is named by most who look for a receipt: its latest counts. */
async function fetchProof(id: string, api: Api): Promise<ReceiptProof> {
  const isJob = id.startsWith('job_');
  const receipt = isJob
    ? (await api.get<ReceiptList>(`/v1/jobs/${encodeURIComponent(id)}/receipts`)).data.at(-1)?.id
    : id;
  if (receipt === undefined) throw new OwnProblem(({ texts }) => texts.receipts.noneOfJob);
  return api.get<ReceiptProof>(`/v1/receipts/${encodeURIComponent(receipt)}/proof`);
}

function Proof({ id }: { id: string }) {
  const { texts, show, locale } = useSpeech();
  const words = texts.receipts;
  const api = useApi();
  const { answer: proof, problem } = useAsked(`proof ${id}`, () => fetchProof(id, api));
  if (proof === undefined) return <Pending problem={problem} />;
  const { receipt } = proof;
  return (
    <Card
      title={words.receipt}
      actions={
        <button type="button" className="button" data-size="small" onClick={() => save(proof, `${receipt.id}.json`)}>
          {words.save}
        </button>
      }
    >
      <Findings content={proof} locale={locale} />
      <Facts>
        <Fact name={words.id}>
          <code>{receipt.id}</code>
        </Fact>
        <Fact name={words.job}>
          <a href={linkTo('jobs', receipt.job)}>{receipt.job}</a>
        </Fact>
        <Fact name={words.node}>
          <a href={linkTo('nodes', receipt.node)}>{receipt.node}</a>
        </Fact>
        <Fact name={words.model}>
          <code>{receipt.model}</code>
        </Fact>
        <Fact name={words.tokens}>
          {words.tokensOf(
            show.count(receipt.usage.reported.inputTokens),
            show.count(receipt.usage.reported.outputTokens),
          )}
        </Fact>
        <Fact name={words.times}>
          {words.timesOf(
            show.duration(receipt.times.queueMs),
            show.duration(receipt.times.firstTokenMs),
            show.duration(receipt.times.totalMs),
          )}
        </Fact>
        <Fact name={words.issued}>{show.moment(receipt.issuedAt)}</Fact>
        <Fact name={words.requestHash}>
          <code>{receipt.requestHash}</code>
        </Fact>
        <Fact name={words.responseHash}>
          <code>{receipt.responseHash}</code>
        </Fact>
      </Facts>
    </Card>
  );
}

function Log() {
  const { texts, show } = useSpeech();
  const words = texts.receipts;
  const api = useApi();
  const { answer: head, problem, again } = useAsked('head', () => api.get<TreeHead>('/v1/log/head'));
  // A head is signed within a second of the receipts that it covers.
  useSettled(useLive().jobs, again, HEAD_AFTER_MS);
  const [report, setReport] = useState<AuditReport>();
  const audit = useDoing();
  return (
    <Card title={words.log}>
      <p>{words.intro}</p>
      <Trouble problem={problem ?? audit.problem} />
      {head === undefined && problem === null && <Pending problem={null} />}
      {head !== undefined && (
        <Facts>
          <Fact name={words.size}>{show.count(head.size)}</Fact>
          <Fact name={words.root}>
            <code>{head.root}</code>
          </Fact>
          <Fact name={words.signedAt}>{show.moment(head.signedAt)}</Fact>
          <Fact name={words.relayKey}>
            <code>{head.relayKey}</code>
          </Fact>
        </Facts>
      )}
      <div className="actions">
        <button
          type="button"
          className="button"
          data-size="small"
          disabled={audit.isBusy}
          onClick={() => audit.run(async () => setReport(await api.get<AuditReport>('/v1/admin/log/audit')))}
        >
          {words.audit}
        </button>
        {head !== undefined && (
          <button
            type="button"
            className="button"
            data-size="small"
            onClick={() => save(head, `head-${head.size}.json`)}
          >
            {words.saveHead}
          </button>
        )}
      </div>
      <div role="status">
        {report !== undefined && (
          <p className="notice" data-kind={report.problems.length === 0 ? 'good' : 'danger'}>
            {report.problems.length === 0 ? words.sound(show.count(report.size)) : report.problems.join(' ')}
          </p>
        )}
      </div>
    </Card>
  );
}

function save(content: unknown, name: string): void {
  const url = URL.createObjectURL(new Blob([`${JSON.stringify(content, null, 2)}\n`], { type: 'application/json' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  URL.revokeObjectURL(url);
}
