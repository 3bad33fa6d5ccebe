import { hash, randomBytes } from 'node:crypto';
import { Problem } from '../../shared/problems/problem.ts';
import type { JobFileGrant, JobFileRef } from '../../shared/protocol/messages.ts';
import { newId } from '../jobs/id.ts';
import type { RelayLog } from '../log.ts';
import type { FileRecord } from '../store/file-store.ts';
import type { FileDepot } from './file-depot.ts';
import { mentionedFiles } from './mentioned-files.ts';
import type { ReceivedFile } from './receive-file.ts';

export const JOB_FILES_PATH = '/v1/job-files';

/** The files of one run of a job, which may be several attempts. */
export type JobFileRun = {
  /** What the node of an attempt at this job is told; whatever an earlier attempt was given ends. */
  grant(jobId: string): JobFileGrant;
  /** The attempt is over: its token fits nothing any more. */
  end(): void;
  /**
   * Gives the files that an output names to the key of the job, all of them or none.
   * Errors: `node_fault` for an output that names what its node did not hand over, and those of `FileDepot.keep`.
   */
  keep(output: unknown): Promise<void>;
  /** Drops what was not kept. */
  close(): Promise<void>;
};

/** What a token opens. */
export type OpenGrant = {
  /** A file that the job reads. Errors: `file_not_found`. */
  input(fileId: string): FileRecord;
  /** Takes a file that the job has made. Errors: those of `FileDepot.receive`, `file_too_large`, `invalid_api_key`. */
  takeOutput(source: AsyncIterable<Uint8Array>, file: OutputHead): Promise<JobFileRef>;
};

export type OutputHead = { filename: string; mediaType: string; announcedBytes: number };

export type JobFiles = {
  open(run: { apiKeyId: string; inputs: readonly FileRecord[] }): JobFileRun;
  /** Errors: `invalid_api_key` for a token that is none, or whose attempt is over. */
  find(token: string | undefined): OpenGrant;
};

type Output = OutputHead & { received: ReceivedFile };
type Grant = OpenGrant & { readonly jobId: string; readonly outputs: Map<string, Output>; isOpen: boolean };

/** Purpose of files that jobs have made. */
const OUTPUT_PURPOSE = 'job_output';

/**
 * Lends nodes the files of their jobs.
 *
 * Invariants: (1) a token fits one attempt of one job on one node, and only while that attempt runs; (2) with it a node
 * reads the inputs of that job and nothing else; (3) what a node hands over lies nameless on the disk until the attempt
 * has succeeded: a failed one leaves nothing, and neither does a relay that is killed; (4) tokens are kept as hashes.
 */
export function createJobFiles({ files, now, log }: { files: FileDepot; now: () => number; log: RelayLog }): JobFiles {
  const open = new Map<string, Grant>();

  return {
    open: ({ apiKeyId, inputs }) => {
      let current: Grant | undefined;
      let digest = '';
      const end = (): void => {
        open.delete(digest);
        if (current !== undefined) current.isOpen = false;
      };
      const drop = async (): Promise<void> => {
        end();
        const outputs = [...(current?.outputs.values() ?? [])];
        current?.outputs.clear();
        await Promise.all(outputs.map(({ received }) => files.drop(received)));
      };
      const dropQuietly = (): Promise<void> =>
        drop().catch((error: unknown) => log.error({ err: error }, 'files of an ended attempt could not be removed'));
      return {
        end,
        close: dropQuietly,
        grant: (jobId) => {
          void dropQuietly();
          const token = randomBytes(32).toString('base64url');
          digest = digestOf(token);
          current = createGrant({ jobId, apiKeyId, inputs }, files, now);
          open.set(digest, current);
          const { mostFileBytes, mostOutputs } = files.limits;
          const refs = inputs.map(({ fileId, sha256, sizeBytes }) => ({ file_id: fileId, sha256, bytes: sizeBytes }));
          return { path: JOB_FILES_PATH, token, inputs: refs, mostOutputs, mostOutputBytes: mostFileBytes };
        },
        keep: async (output) => {
          if (current !== undefined) await keepMentioned(output, current, files);
        },
      };
    },
    find: (token) => {
      const grant = token === undefined ? undefined : open.get(digestOf(token));
      if (grant === undefined) throw noSuchToken();
      return grant;
    },
  };
}

function createGrant(
  { jobId, apiKeyId, inputs }: { jobId: string; apiKeyId: string; inputs: readonly FileRecord[] },
  files: FileDepot,
  now: () => number,
): Grant {
  const outputs: Grant['outputs'] = new Map();
  let coming = 0;
  const grant: Grant = {
    jobId,
    outputs,
    isOpen: true,
    input: (fileId) => {
      const file = inputs.find((input) => input.fileId === fileId);
      if (file !== undefined) return file;
      throw new Problem('file_not_found', 'This is no file of the job.', { param: 'id' });
    },
    takeOutput: async (source, head) => {
      if (outputs.size + coming >= files.limits.mostOutputs) {
        throw new Problem('file_too_large', `A job makes at most ${files.limits.mostOutputs} files.`);
      }
      coming += 1;
      try {
        const { announcedBytes } = head;
        const received = await files.receive(whileOpen(source, grant), { apiKeyId, announcedBytes });
        if (!grant.isOpen) {
          await files.drop(received);
          throw noSuchToken();
        }
        const file_id = newId('file', now());
        outputs.set(file_id, { ...head, received });
        return { file_id, sha256: received.sha256, bytes: received.sizeBytes };
      } finally {
        coming -= 1;
      }
    },
  };
  return grant;
}

/** A node whose attempt is over need not fill the disk to the end of its file. */
async function* whileOpen(source: AsyncIterable<Uint8Array>, grant: Grant): AsyncGenerator<Uint8Array> {
  for await (const chunk of source) {
    if (!grant.isOpen) throw noSuchToken();
    yield chunk;
  }
}

async function keepMentioned(output: unknown, { outputs, jobId }: Grant, files: FileDepot): Promise<void> {
  const kept: FileRecord[] = [];
  const mentioned = new Map(mentionedFiles(output).map((ref) => [ref.file_id, ref]));
  try {
    for (const [fileId, { sha256, bytes }] of mentioned) {
      const made = outputs.get(fileId);
      if (made === undefined || made.received.sha256 !== sha256 || made.received.sizeBytes !== bytes) {
        throw new Problem('node_fault', "The node's answer names a file that it did not hand over. Try again.");
      }
      outputs.delete(fileId);
      const { filename, mediaType, received } = made;
      const file = { filename, mediaType, purpose: OUTPUT_PURPOSE, jobId, fileId };
      kept.push(await files.keep(received, file));
    }
  } catch (error) {
    for (const { fileId, apiKeyId } of kept) await files.remove(fileId, apiKeyId).catch(() => undefined);
    throw error;
  }
}

function digestOf(token: string): string {
  return hash('sha256', token, 'hex');
}

function noSuchToken(): Problem {
  return new Problem('invalid_api_key', 'The token is none of a job that runs now: its attempt is over.');
}
