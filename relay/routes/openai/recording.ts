import { Problem } from '../../../shared/problems/problem.ts';
import { LIMITS } from '../../../shared/protocol/limits.ts';
import type { HeldFile } from '../../../shared/protocol/messages.ts';
import type { FileDepot } from '../../files/file-depot.ts';
import type { JobFileRun } from '../../files/job-files.ts';
import type { Part } from '../../files/multipart.ts';
import type { ReceivedFile } from '../../files/receive-file.ts';
import type { RelayServices } from '../../services.ts';
import { nameOf } from '../files/file-name.ts';

/** What the rest of a job request takes beside its recording. */
const REQUEST_BYTES = 64 * 1024;
/** So much fits into one message of the bus, in base64, which makes four bytes of three. */
export const INLINE_MOST_BYTES = Math.floor(((LIMITS.maxMessageBytes - REQUEST_BYTES) * 3) / 4);
const PURPOSE = 'job_input';
/** Its node goes by the content. */
const MEDIA_TYPE = 'application/octet-stream';
/** Longer than any job; what a relay that was killed has left goes then. */
const LIFETIME_MS = 24 * 3_600_000;

/** A recording that has come whole: in memory, or too large for a message and therefore on the disk. */
export type Recording = { readonly bytes: Buffer } | { readonly received: ReceivedFile; readonly part: Part };

/**
 * Reads a recording as it comes; what does not fit into a message goes to the disk. Errors: `file_too_large`, those of
 * `FileDepot.receive`.
 */
export async function receiveRecording(part: Part, apiKeyId: string, files: FileDepot): Promise<Recording> {
  const chunks = bounded(part.body)[Symbol.asyncIterator]();
  const held: Uint8Array[] = [];
  let size = 0;
  while (size <= INLINE_MOST_BYTES) {
    const { done, value } = await chunks.next();
    if (done === true) return { bytes: Buffer.concat(held) };
    held.push(value);
    size += value.length;
  }
  const all = async function* (): AsyncGenerator<Uint8Array> {
    for (let chunk = held.shift(); chunk !== undefined; chunk = held.shift()) yield chunk;
    yield* { [Symbol.asyncIterator]: () => chunks };
  };
  return { part, received: await files.receive(all(), { apiKeyId }) };
}

/** Nobody needs it any more. */
export async function dropRecording(recording: Recording | undefined, files: FileDepot): Promise<void> {
  if (recording !== undefined && 'received' in recording) await files.drop(recording.received);
}

type Stored = Extract<Recording, { received: ReceivedFile }>;

/**
 * Lends a recording that lies on the disk to the nodes of one job, and takes it off the disk when that has settled. Errors:
 * those of `FileDepot.keep` and of `use`.
 */
export async function withKeptRecording<Answer>(
  { received, part }: Stored,
  apiKeyId: string,
  { files, jobFiles, log }: Pick<RelayServices, 'files' | 'jobFiles' | 'log'>,
  use: (audio: HeldFile, run: JobFileRun) => Promise<Answer>,
): Promise<Answer> {
  const file = { filename: nameOf(part.filename ?? ''), mediaType: MEDIA_TYPE, purpose: PURPOSE, jobId: null };
  // What it refuses it drops itself.
  const kept = await files.keep(received, { ...file, lifetimeMs: LIFETIME_MS });
  const run = jobFiles.open({ apiKeyId, inputs: [kept] });
  try {
    return await use({ sha256: kept.sha256, bytes: kept.sizeBytes }, run);
  } finally {
    await run.close();
    await files
      .remove(kept.fileId, apiKeyId)
      .catch((err: unknown) => log.warn({ err, file: kept.fileId }, 'a recording stays until it expires'));
  }
}

/** Throws before anything is read when the whole body cannot be small enough. */
export function assertSmallEnough(announcedBytes: number): void {
  if (announcedBytes > LIMITS.maxRecordingBytes + REQUEST_BYTES) throw tooLarge();
}

async function* bounded(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > LIMITS.maxRecordingBytes) throw tooLarge();
    yield chunk;
  }
}

function tooLarge(): Problem {
  const sentence = `A recording may have ${LIMITS.maxRecordingBytes} bytes. Send it in parts, or in a form that is packed.`;
  return new Problem('file_too_large', sentence, { param: 'file' });
}
