import { jobsKeysNodes } from './0010-jobs-keys-nodes.ts';
import { pairing } from './0020-pairing.ts';
import { nodeAdmin } from './0030-node-admin.ts';
import { measurements } from './0040-measurements.ts';
import { receiptLog } from './0050-receipt-log.ts';
import { miners } from './0060-miners.ts';
import { queuedJobs } from './0070-queued-jobs.ts';
import { files } from './0075-files.ts';
import { services } from './0080-services.ts';
import { keyLimits } from './0090-key-limits.ts';
import { usage } from './0091-usage.ts';
import { credits } from './0092-credits.ts';
import { keyHmac } from './0093-key-hmac.ts';
import { keyPrefix } from './0097-key-prefix.ts';
import { leavesOfReceipts } from './0098-leaves-of-receipts.ts';
import { keyScopes } from './0100-key-scopes.ts';
import { usageHours } from './0101-usage-hours.ts';
import { keyAccounts } from './0105-key-accounts.ts';
import { webhookKeys } from './0110-webhook-keys.ts';
import { jobsByState } from './0120-jobs-by-state.ts';
import { keyDescription } from './0150-key-description.ts';
import { batches } from './0160-batches.ts';
import { keyBudgets } from './0170-key-budgets.ts';
import { batchLines } from './0180-batch-lines.ts';
import { requestMarks } from './0190-request-marks.ts';
import type { Migration } from './migration.ts';

/** Every step of the schema, in the order of their ids. */
export const MIGRATIONS: readonly Migration[] = [
  jobsKeysNodes,
  pairing,
  nodeAdmin,
  measurements,
  receiptLog,
  miners,
  queuedJobs,
  files,
  services,
  keyLimits,
  usage,
  credits,
  keyHmac,
  keyPrefix,
  leavesOfReceipts,
  keyScopes,
  usageHours,
  keyAccounts,
  webhookKeys,
  jobsByState,
  keyDescription,
  batches,
  keyBudgets,
  batchLines,
  requestMarks,
];
