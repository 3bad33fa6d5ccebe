/**
 * Files of a job that its runtime reads whole, such as recordings (SPEC F6): a member of the input says which, and the node
 * puts the content there.
 */
import type { HostCrypto } from '../identity/host-crypto.ts';
import { Problem } from '../problems/problem.ts';
import { bytesToBase64 } from '../protocol/base64.ts';
import { LIMITS } from '../protocol/limits.ts';
import type { JobFileRef, JsonInput } from '../protocol/messages.ts';
import type { RuntimeFiles } from '../runtimes/runtime.ts';

export type FetchPorts = {
  fetch: typeof globalThis.fetch;
  crypto: Pick<HostCrypto, 'sha256Hex'>;
  /** How long nothing may come. */
  stallMs?: number;
};

const STALL_MS = 30_000;

/**
 * The input with the content of each file that a member stands for, in base64; the same object where there is none.
 * Errors: `file_too_large`, `file_not_found` when it was deleted meanwhile, `file_transfer_failed`, also for content that
 * is not the one the relay has named, `signal.reason`.
 */
export async function withFetchedFiles(
  input: JsonInput,
  files: RuntimeFiles,
  signal: AbortSignal,
  ports: FetchPorts,
): Promise<JsonInput> {
  const members = Object.entries(input).flatMap(([name, value]) => {
    const ref = refOf(value, files.inputs);
    return ref === undefined ? [] : [{ name, ref }];
  });
  if (members.length === 0) return input;
  const bytes = members.reduce((sum, { ref }) => sum + ref.bytes, 0);
  if (bytes > LIMITS.maxRecordingBytes) {
    throw new Problem('file_too_large', `A node reads ${LIMITS.maxRecordingBytes} bytes for a job. Send a part.`);
  }
  const filled: JsonInput = { ...input };
  for (const { name, ref } of members) filled[name] = bytesToBase64(await fetchInput(files, ref, signal, ports));
  return filled;
}

/** Of what a job says only that counts which the relay has lent it. */
function refOf(value: unknown, lent: readonly JobFileRef[]): JobFileRef | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { sha256, bytes } = value as { sha256?: unknown; bytes?: unknown };
  return lent.find((file) => file.sha256 === sha256 && file.bytes === bytes);
}

async function fetchInput(
  { relayUrl, path, token }: RuntimeFiles,
  { file_id, sha256, bytes }: JobFileRef,
  signal: AbortSignal,
  { fetch, crypto, stallMs = STALL_MS }: FetchPorts,
): Promise<Uint8Array> {
  const stall = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const waitAnew = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => stall.abort(new Error(`nothing came for ${stallMs} ms`)), stallMs);
  };
  waitAnew();
  try {
    const response = await fetch(new URL(`${path}/${encodeURIComponent(file_id)}`, relayUrl), {
      headers: { authorization: `Bearer ${token}` },
      // A relay has no business sending a node about its owner's network.
      redirect: 'error',
      signal: AbortSignal.any([signal, stall.signal]),
    });
    if (isGone(response))
      throw new Problem('file_not_found', 'The file was deleted before a node had read it. Upload it again.');
    if (!response.ok || response.body === null) throw failed(`The relay answered with status ${response.status}`);
    const content = await readExactly(response.body, bytes, waitAnew);
    if ((await crypto.sha256Hex(content)) === sha256) return content;
    throw failed('A file of the job is not the one that the relay has named. Upload it anew if it stays so');
  } catch (error) {
    signal.throwIfAborted();
    throw error instanceof Problem ? error : failed('A file of the job did not come whole from the relay', error);
  } finally {
    clearTimeout(timer);
  }
}

/** What stands between a node and its relay has pages of its own for what it does not find. */
function isGone({ status, headers }: Response): boolean {
  return status === 404 && /^application\/problem\+json\b/.test(headers.get('content-type') ?? '');
}

/** Holds one copy: its size is known before. */
async function readExactly(
  body: ReadableStream<Uint8Array>,
  bytes: number,
  onChunk: () => void,
): Promise<Uint8Array<ArrayBuffer>> {
  const content = new Uint8Array(bytes);
  const reader = body.getReader();
  let size = 0;
  try {
    for (let read = await reader.read(); !read.done; read = await reader.read()) {
      onChunk();
      if (size + read.value.length > bytes) throw failed('The relay sent more than it had announced');
      content.set(read.value, size);
      size += read.value.length;
    }
  } catch (error) {
    await reader.cancel().catch(() => undefined);
    throw error;
  }
  if (size === bytes) return content;
  throw failed('The relay sent less than it had announced');
}

function failed(sentence: string, cause?: unknown): Problem {
  return new Problem('file_transfer_failed', `${sentence}. Try again.`, { cause });
}
