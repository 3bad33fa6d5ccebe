import { createHash } from 'node:crypto';
import { createReadStream, openAsBlob } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { FileObject } from '../../../shared/api/files.ts';
import { fromProblemRecord, Problem } from '../../../shared/problems/problem.ts';
import { noAnswer, notARelay } from './no-answer.ts';
import { headersOf } from './signed-request.ts';

/** Uploads a file as it lies there, without reading it into memory. Errors: `invalid_option` for one that cannot be read. */
export async function sendFile(relayUrl: string, apiKey: string, path: string, purpose: string): Promise<FileObject> {
  const query = new URLSearchParams({ purpose, filename: basename(path) });
  const url = `${relayUrl}/v1/files?${query}`;
  const { body, digest } = await readFile(path);
  const headers = {
    ...headersOf({ method: 'POST', url, apiKey, digest }),
    'content-type': 'application/octet-stream',
  };
  return (await answerOf(relayUrl, fetch(url, { method: 'POST', headers, body }))).json() as Promise<FileObject>;
}

/** Writes the content of a file of the relay out as it comes. */
export async function printFile(relayUrl: string, apiKey: string, fileId: string): Promise<void> {
  const url = `${relayUrl}/v1/files/${encodeURIComponent(fileId)}/content`;
  const response = await answerOf(relayUrl, fetch(url, { headers: headersOf({ method: 'GET', url, apiKey }) }));
  let isUnread = false;
  const write = (chunk: Uint8Array, _encoding: string, done: (error?: Error | null) => void): void =>
    void process.stdout.write(chunk, (error) => {
      isUnread ||= error != null;
      done(error);
    });
  if (response.body === null) return;
  await pipeline(response.body, new Writable({ write })).catch((cause: unknown) => {
    // `outliveOutput` tells of it, where it is a failure.
    if (isUnread) return;
    const sentence = `${relayUrl} broke off before the file was there in whole. Try again.`;
    throw new Problem('relay_unreachable', sentence, { cause });
  });
}

async function readFile(path: string): Promise<{ body: Blob; digest: string }> {
  try {
    if (!(await stat(path)).isFile()) throw new Error('it is no file');
    const hash = createHash('sha256');
    await pipeline(createReadStream(path), hash);
    return { body: await openAsBlob(path), digest: hash.digest('hex') };
  } catch (error) {
    throw new Problem('invalid_option', `${path} cannot be read: ${(error as Error).message}.`);
  }
}

async function answerOf(relayUrl: string, asked: Promise<Response>): Promise<Response> {
  const response = await asked.catch((cause: unknown) => {
    throw noAnswer(relayUrl, cause);
  });
  if (response.ok) return response;
  const refusal = (await response.json().catch(() => ({}))) as { code?: string; detail?: string };
  if (refusal.code === undefined) throw notARelay(relayUrl, response);
  throw fromProblemRecord({ code: refusal.code, detail: refusal.detail ?? '' });
}
