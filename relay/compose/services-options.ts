import type { OtlpTarget } from '../../shared/tracing/otlp-exporter.ts';
import type { BatchLimits } from '../batches/batch-limits.ts';
import type { ShownSetting } from '../config/shown-settings.ts';
import type { DiskUsage } from '../data-folder/disk-usage.ts';
import type { RelayKeys } from '../data-folder/keys.ts';
import type { NKey } from '../fabric/bus/nkey.ts';
import type { Fabric } from '../fabric/open-fabric.ts';
import type { FileLimits } from '../files/file-limits.ts';
import type { JobSpec } from '../jobs/job.ts';
import type { QueueLimits } from '../jobs/queue/queue-limits.ts';
import type { RelayLog } from '../log.ts';
import type { WebhookNetworks } from '../outbound/webhook-networks.ts';
import type { AdmissionRules } from '../pairing/admission.ts';
import type { NodeRegister } from '../pairing/node-register.ts';
import type { PictureSources } from '../pictures/picture-fetcher.ts';
import type { Store } from '../store/store.ts';
import type { CertificateAuthority } from '../tls/certificate-authority.ts';

export type ServicesOptions = {
  log: RelayLog;
  store: Store;
  fabric: Fabric;
  keys: RelayKeys;
  settings: readonly ShownSetting[];
  register: NodeRegister;
  /** The key by which nodes know this relay. */
  identity: NKey;
  /** The public key that attests receipts, where there is one. */
  attestationKey?: string | undefined;
  /** Where the last signed head of the receipt log is kept. */
  headFile: string;
  /** Where records of finished jobs lie between two relays, when the storage took none of them. */
  shelfFile: string;
  /** How full the disk is. */
  diskUsage: () => Promise<DiskUsage>;
  rules: AdmissionRules;
  publicUrl?: string | undefined;
  /** Whether a person approves each task for a node first. */
  supervised?: boolean | undefined;
  /** Hands certificates to nodes, where the relay speaks TLS. */
  authority?: CertificateAuthority | undefined;
  /** Whether nodes without a certificate may come in all the same. */
  browserNodes?: boolean | undefined;
  /** A file or a folder of services that the operator adds to those of the relay. */
  servicesPath?: string | undefined;
  jobLimits?: Partial<JobLimits> | undefined;
  queueLimits?: Partial<QueueLimits> | undefined;
  batchLimits?: Partial<BatchLimits> | undefined;
  /** Where contents of files lie. */
  filesFolder: string;
  fileLimits?: Partial<FileLimits> | undefined;
  /** How long the record of a job that left no receipt is kept; for ever when absent. */
  keepJobsMs?: number | undefined;
  /** Where spans of traces are sent; nowhere when absent. */
  otlp?: OtlpTarget | undefined;
  /** Whether webhooks may lie on loopback and link-local addresses. */
  webhooksToThisMachine?: boolean | undefined;
  /** Where they may lie otherwise; on the internet alone when absent. */
  webhookNetworks?: WebhookNetworks | undefined;
  /** Where pictures of chats may be fetched from; nowhere when absent. */
  pictureSources?: PictureSources | undefined;
};

export type JobLimits = Pick<JobSpec, 'maxWaitMs' | 'timeoutMs' | 'stallTimeoutMs'>;

export const JOB_LIMITS: JobLimits = {
  /** How long a synchronous call may wait for a slot; a client that minds sends its own time-out. */
  maxWaitMs: 30_000,
  /** The official client gives up after ten minutes. */
  timeoutMs: 600_000,
  /** A node that works sends a token, a batch of vectors or an error long before this. */
  stallTimeoutMs: 120_000,
};
