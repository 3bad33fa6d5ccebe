import type { NodeStatus } from '../../../shared/control/control-protocol.ts';
import { energyOf, type LedgerSums } from '../../../shared/ipc/ledger-sums.ts';
import type { LedgerJob, LedgerReceipt } from '../../../shared/ipc/ledger-views.ts';
import { counted } from '../../../shared/problems/counted.ts';
import { momentText } from './moment-text.ts';
import { tableOf } from './tables.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const JOULES_PER_WATT_HOUR = 3_600;

/** What this machine did today and in all, each in a line; `since` is the first day that is known. */
export function ledgerTexts({ today, inAll, since }: NonNullable<NodeStatus['ledger']>): [string, string][] {
  if (since === null) return [['done', 'nothing yet']];
  return [
    ['today', sumsText(today)],
    ['in all', `${sumsText(inAll)}, since ${since}`],
  ];
}

/** Nothing that is not known yet is told: no credits where there were none, no energy before it says something. */
function sumsText(sums: LedgerSums): string {
  const { jobs, failedJobs, outputTokens, busyMs, credits } = sums;
  const energy = energyOf(sums);
  return [
    `${counted(jobs - failedJobs, 'job')}${failedJobs === 0 ? '' : ` (${failedJobs} more failed)`}`,
    `${counted(outputTokens, 'token')} written`,
    `${busyText(busyMs)} of work`,
    ...(credits === 0 ? [] : [`${rounded(credits)} credits`]),
    ...(energy === undefined ? [] : [`${rounded(energy.wattHours)} Wh for ${energy.known} of ${energy.jobs} jobs`]),
  ].join(', ');
}

export function ledgerJobsText(jobs: readonly LedgerJob[], now: number): string {
  if (jobs.length === 0) return 'This machine has done no jobs yet.\n';
  const rows = jobs.map(({ job, startedAt, type, outcome, totalMs, outputTokens, energyJ, model }) => [
    momentText(startedAt, now),
    job,
    type,
    outcome,
    `${(totalMs / 1_000).toFixed(1)} s`,
    String(outputTokens),
    energyJ === null ? '–' : rounded(energyJ / JOULES_PER_WATT_HOUR),
    model,
  ]);
  return tableOf(['WHEN', 'JOB', 'TYPE', 'ENDED', 'TOOK', 'TOKENS', 'WH', 'MODEL'], rows);
}

export function ledgerReceiptsText(receipts: readonly LedgerReceipt[], now: number): string {
  if (receipts.length === 0) return 'The relay has sent no receipts of jobs of this machine yet.\n';
  const rows = receipts.map(({ at, id, job }) => [momentText(at, now), id, job]);
  return tableOf(['WHEN', 'RECEIPT', 'JOB'], rows);
}

function busyText(ms: number): string {
  if (ms < MINUTE_MS) return `${Math.round(ms / 1_000)} s`;
  return ms < 2 * HOUR_MS ? `${Math.round(ms / MINUTE_MS)} min` : `${(ms / HOUR_MS).toFixed(1)} h`;
}

/** Three digits that count, and no zeros after them. */
function rounded(value: number): string {
  return String(Number(value.toPrecision(3)));
}
