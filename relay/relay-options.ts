import type { Logger } from 'pino';
import type { MdnsNetwork } from '../shared/discovery/mdns-network.ts';
import type { OtlpTarget } from '../shared/tracing/otlp-exporter.ts';
import type { BatchLimits } from './batches/batch-limits.ts';
import type { JobLimits } from './compose/services-options.ts';
import type { ShownSetting } from './config/shown-settings.ts';
import type { FileLimits } from './files/file-limits.ts';
import type { QueueLimits } from './jobs/queue/queue-limits.ts';
import type { WebhookNetworks } from './outbound/webhook-networks.ts';
import type { PictureSources } from './pictures/picture-fetcher.ts';

export type RelayOptions = {
  /** 0 takes a free one. */
  port: number;
  host: string;
  dataFolder: string;
  /** Address of a PostgreSQL database to use instead of SQLite in the data folder. A secret. */
  databaseUrl?: string;
  /** How long its server may take to answer when the relay starts; not at all unless given. */
  databaseWaitMs?: number;
  /** How large the database in the data folder may grow; as large as the disk allows unless given. */
  maxDatabaseBytes?: number;
  /** An existing NATS server or cluster to use instead of an embedded one. */
  natsUrl?: string;
  /** A creds file for it, where it does not run with this relay's own configuration. */
  natsCredsFile?: string;
  /** Whether and where to be announced by mDNS; by default on every interface, if the relay listens beyond loopback. */
  announce?: { when?: boolean | undefined; network?: MdnsNetwork };
  /** What the snapshot tells of the configuration; the defaults when absent. */
  settings?: ShownSetting[];
  /** Speak HTTPS and let no node in without a certificate of the relay's own authority; `names` are further names of the relay. */
  tls?: { names?: readonly string[] /** Nodes without one may join at the HTTPS door. */; browserNodes?: boolean };
  /** The port on which nodes reach the bus past the relay's process; 0 takes a free one. */
  busPort?: number;
  /** Leave the embedded NATS server running on `close`, for the next relay of this data folder. */
  keepBus?: boolean;
  /** How long the embedded NATS server waits for such a relay when this one was killed; a minute unless given. */
  busLingerS?: number;
  /** Aborted when this process ends without closing the relay; its NATS server ends with it, unless it is to be kept. */
  insisted?: AbortSignal;
  /** Where nodes and clients reach the relay, if that is not the address it listens on. */
  publicUrl?: string;
  /** Nodes from elsewhere wait until the operator approves them. */
  approveNodes?: boolean;
  /** A person approves each task for a node before it is sent. */
  supervised?: boolean;
  /** A file or a folder of services that the operator adds to those of the relay. */
  servicesPath?: string;
  /** Where the third key under receipts lies, or is to be made; receipts have none unless given. */
  attestationKeyFile?: string;
  /** Anybody may join without a code, on probation. */
  open?: boolean;
  /** How long a node's credentials last; a day by default. */
  credentialLifetimeS?: number;
  maxBodyBytes?: number;
  /** How long a client may take nothing of an answer that is ready; a minute unless given. */
  unreadMs?: number;
  /** How long somebody without a key may take to send a body; half a minute when absent. */
  strangerMs?: number;
  /** How many bytes of large bodies and answers on their way may be those of one key; 256 MiB when absent. */
  mostHeldBytes?: number;
  /** How long the record of a job that left no receipt is kept; for ever unless given. */
  keepJobsMs?: number;
  /** How long the relay says that it is not ready, and works on, before it closes; not at all unless given. */
  drainMs?: number;
  /** How long jobs may wait, run and be silent, where the defaults do not fit. */
  jobLimits?: Partial<JobLimits>;
  /** What the queue of jobs takes and keeps, where the defaults do not fit. */
  queueLimits?: Partial<QueueLimits>;
  /** What batches take, where the defaults do not fit. */
  batchLimits?: Partial<BatchLimits>;
  /** What the relay takes of files and how long it keeps them, where the defaults do not fit. */
  fileLimits?: Partial<FileLimits>;
  /** Whether webhooks may lie on loopback and link-local addresses, where clients of other machines have no business. */
  webhooksToThisMachine?: boolean;
  /** Where they may lie otherwise; by default what `usualWebhookNetworks` says. */
  webhookNetworks?: WebhookNetworks;
  /** Where pictures that clients name by address may be fetched from; nowhere unless given. */
  pictureSources?: PictureSources;
  /** Whose pages may ask with an API key, `*` for everybody's; nobody's but the relay's own unless given. */
  corsOrigins?: readonly string[];
  /** The collector that spans of traces are sent to; none unless given. */
  otlp?: OtlpTarget;
  /** Where the built pages lie; those of this repository when absent. */
  pagesFolder?: string;
  log: Logger;
};
