import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { type IncomingMessage, type RequestOptions, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Type } from 'typebox';
import { fromProblemRecord, Problem } from '../../../shared/problems/problem.ts';
import { messageReader } from '../../../shared/protocol/codec.ts';
import { JobFileRef } from '../../../shared/protocol/messages.ts';
import type { RuntimeFiles } from '../../../shared/runtimes/runtime.ts';

const STALL_MS = 30_000;
const ANSWER_MOST_BYTES = 64 * 1024;
const readRefusal = messageReader(Type.Object({ code: Type.String(), detail: Type.String() }), 'problem');
const readKept = messageReader(JobFileRef, 'file');

/**
 * Fetches an input of a job of at most `mostBytes` and writes it to a path where nothing is yet. What is at the path counts
 * only when this resolves. Errors: `file_too_large`, `file_transfer_failed`, also for content that is not the one the relay has named, and its refusals.
 */
export async function fetchJobFile(
  files: RuntimeFiles,
  { file_id, sha256, bytes }: JobFileRef,
  { path, mostBytes }: { path: string; mostBytes: number },
  signal: AbortSignal,
): Promise<void> {
  // The relay says how large it is, and may say anything: the disk is the owner's.
  if (bytes > mostBytes) throw new Problem('file_too_large', `A node takes ${mostBytes} bytes for a job. Send a part.`);
  const place = `${files.path}/${encodeURIComponent(file_id)}`;
  const answer = await ask(files, place, { method: 'GET', signal });
  if (answer.statusCode !== 200) throw await refusalOf(answer);
  const hash = createHash('sha256');
  let size = 0;
  try {
    await pipeline(
      answer,
      async function* (chunks: AsyncIterable<Buffer>) {
        for await (const chunk of chunks) {
          size += chunk.length;
          if (size > bytes) throw failed('The relay sent more than it had announced');
          hash.update(chunk);
          yield chunk;
        }
      },
      createWriteStream(path, { flags: 'wx', mode: 0o600 }),
      { signal },
    );
  } catch (error) {
    throw reasonOf(error, signal, 'A file of the job did not come whole from the relay');
  }
  if (size === bytes && hash.digest('hex') === sha256) return;
  throw failed('A file of the job is not the one that the relay has named');
}

/** Hands a file over to the relay. Errors: `file_transfer_failed`, and refusals of the relay. */
export async function handOver(
  files: RuntimeFiles,
  file: { name: string; mediaType: string; sizeBytes: number; content: Readable },
  signal: AbortSignal,
): Promise<JobFileRef> {
  const hash = createHash('sha256');
  file.content.on('data', (chunk: Buffer) => hash.update(chunk));
  const headers = { 'content-type': file.mediaType, 'content-length': file.sizeBytes };
  const place = `${files.path}?filename=${encodeURIComponent(file.name)}`;
  const answer = await ask(files, place, { method: 'POST', headers, signal }, file.content);
  if (answer.statusCode !== 200) throw await refusalOf(answer);
  const kept = readKept(await bytesOf(answer));
  if (kept.sha256 === hash.digest('hex') && kept.bytes === file.sizeBytes) return kept;
  throw failed('The relay has not kept what it was handed');
}

function ask(
  { relayUrl, authority, token }: RuntimeFiles,
  path: string,
  { headers = {}, signal, ...options }: RequestOptions & { signal: AbortSignal },
  body?: Readable,
): Promise<IncomingMessage> {
  const url = new URL(path, relayUrl);
  const send = url.protocol === 'https:' ? requestHttps : requestHttp;
  const all = {
    ...options,
    signal,
    agent: false as const,
    headers: { ...headers, authorization: `Bearer ${token}` },
    ...(authority === undefined ? {} : { ca: authority }),
  };
  return new Promise((resolve, reject) => {
    const fail = (error: unknown): void =>
      reject(reasonOf(error, signal, 'The relay does not answer for a file of the job'));
    // An answer that comes before the body has gone is a refusal: it is read all the same.
    const sent = send(url, all, resolve).on('error', fail);
    sent.setTimeout(STALL_MS, () => sent.destroy(new Error('nothing came any more')));
    if (body === undefined) sent.end();
    else pipeline(body, sent).catch(fail);
  });
}

async function bytesOf(answer: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > ANSWER_MOST_BYTES) throw failed('The relay answers with too much');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

async function refusalOf(answer: IncomingMessage): Promise<Problem> {
  try {
    return fromProblemRecord(readRefusal(await bytesOf(answer)));
  } catch {
    return failed(`The relay answered with status ${answer.statusCode} for a file of the job`);
  }
}

function reasonOf(error: unknown, signal: AbortSignal, sentence: string): unknown {
  if (signal.aborted) return signal.reason;
  return error instanceof Problem ? error : failed(sentence, error);
}

function failed(sentence: string, cause?: unknown): Problem {
  return new Problem('file_transfer_failed', `${sentence}. Try again.`, { cause });
}
