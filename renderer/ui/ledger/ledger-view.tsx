import { Tabs } from 'radix-ui';
import { useMemo } from 'react';
import type { LedgerDeparture, LedgerJob, LedgerReceipt } from '../../../shared/ipc/ledger-views.ts';
import { ask } from '../bridge.ts';
import { useSpeech } from '../locale.ts';
import { useAllRows } from './all-rows.ts';
import { CheckReceipt } from './check-receipt.tsx';
import { LedgerList } from './ledger-list.tsx';
import type { Column } from './virtual-list.tsx';

const TABS = ['departures', 'jobs', 'receipts'] as const;

/** What left this machine, which work it was, and the receipts for it. */
export function LedgerView() {
  const { texts } = useSpeech();
  const words = texts.ledger;
  return (
    <>
      <h1>{texts.views.ledger}</h1>
      <p className="quiet">{words.intro}</p>
      <Tabs.Root defaultValue="departures" className="tabs">
        <Tabs.List className="tab-list" aria-label={words.tabs.label}>
          {TABS.map((tab) => (
            <Tabs.Trigger key={tab} value={tab} className="tab">
              {words.tabs[tab]}
            </Tabs.Trigger>
          ))}
        </Tabs.List>
        <Tabs.Content value="departures">
          <Departures />
        </Tabs.Content>
        <Tabs.Content value="jobs">
          <Jobs />
        </Tabs.Content>
        <Tabs.Content value="receipts">
          <Receipts />
        </Tabs.Content>
      </Tabs.Root>
    </>
  );
}

function Departures() {
  const { texts, show } = useSpeech();
  const words = texts.ledger;
  const all = useAllRows((page) => ask('listDepartures', page));
  const columns = useMemo(
    (): Column<LedgerDeparture>[] => [
      { name: words.columns.when, show: ({ at }) => show.moment(at) },
      { name: words.columns.what, show: ({ kind }) => words.kinds[kind] ?? kind },
      { name: words.columns.to, show: ({ to }) => <code>{to}</code> },
      { name: words.columns.size, className: 'number', show: ({ sizeBytes }) => show.bytes(sizeBytes) },
    ],
    [words, show],
  );
  return <LedgerList name="departures" all={all} columns={columns} empty={words.noDepartures} />;
}

function Jobs() {
  const { texts, show } = useSpeech();
  const words = texts.ledger;
  const all = useAllRows((page) => ask('listJobs', page));
  const columns = useMemo(
    (): Column<LedgerJob>[] => [
      { name: words.columns.when, show: ({ startedAt }) => show.moment(startedAt) },
      { name: words.columns.model, show: ({ model }) => <code>{model}</code> },
      { name: words.columns.client, show: ({ client }) => <code>{client}</code> },
      { name: words.columns.tokens, className: 'number', show: ({ outputTokens }) => show.number(outputTokens) },
      {
        name: words.columns.outcome,
        show: ({ outcome }) => (outcome === 'done' ? words.done : <code>{outcome}</code>),
      },
    ],
    [words, show],
  );
  return <LedgerList name="jobs" all={all} columns={columns} empty={words.noJobs} />;
}

function Receipts() {
  const { texts, show } = useSpeech();
  const words = texts.ledger;
  const all = useAllRows((page) => ask('listReceipts', page));
  const columns = useMemo(
    (): Column<LedgerReceipt>[] => [
      { name: words.columns.when, show: ({ at }) => show.moment(at) },
      { name: words.columns.receipt, show: ({ id }) => <code>{id}</code> },
      { name: words.columns.job, show: ({ job }) => <code>{job}</code> },
      { name: words.columns.check, show: ({ document, id }) => <CheckReceipt document={document} id={id} /> },
    ],
    [words, show],
  );
  return (
    <>
      <CheckReceipt />
      <LedgerList name="receipts" all={all} columns={columns} empty={words.noReceipts} />
    </>
  );
}
