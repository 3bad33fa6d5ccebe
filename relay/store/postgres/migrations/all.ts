import type { Migration } from '../../migration.ts';
import { jobs } from './0010-jobs.ts';
import { keysNodes } from './0020-keys-nodes.ts';
import { measurementsServices } from './0030-measurements-services.ts';
import { queuedJobs } from './0040-queued-jobs.ts';
import { credits } from './0050-credits.ts';
import { miners } from './0060-miners.ts';
import { files } from './0075-files.ts';
import { keyHmac } from './0093-key-hmac.ts';
import { keyPrefix } from './0097-key-prefix.ts';
import { leavesOfReceipts } from './0098-leaves-of-receipts.ts';
import { keyScopes } from './0100-key-scopes.ts';
import { usageHours } from './0101-usage-hours.ts';
import { keyAccounts } from './0105-key-accounts.ts';
import { webhookKeys } from './0110-webhook-keys.ts';
import { jobsByState } from './0120-jobs-by-state.ts';
import { usageBytes } from './0130-usage-bytes.ts';
import { openings } from './0140-openings.ts';
import { keyDescription } from './0150-key-description.ts';
import { batches } from './0160-batches.ts';
import { keyBudgets } from './0170-key-budgets.ts';
import { batchLines } from './0180-batch-lines.ts';
import { openingMarks } from './0190-opening-marks.ts';
import { requestMarks } from './0200-request-marks.ts';

/** Every step of the schema, in the order of their ids, which are not those of SQLite. */
export const MIGRATIONS: readonly Migration[] = [
  jobs,
  keysNodes,
  measurementsServices,
  queuedJobs,
  credits,
  miners,
  files,
  keyHmac,
  keyPrefix,
  leavesOfReceipts,
  keyScopes,
  usageHours,
  keyAccounts,
  webhookKeys,
  jobsByState,
  usageBytes,
  openings,
  keyDescription,
  batches,
  keyBudgets,
  batchLines,
  openingMarks,
  requestMarks,
];
