import { Buffer } from 'node:buffer';
import type { FastifyRequest } from 'fastify';
import { FILE_PURPOSE, FileForm, FileObject, FileUploadQuery, RawFile } from '../../../shared/api/files.ts';
import { Problem } from '../../../shared/problems/problem.ts';
import type { NewFile } from '../../files/file-depot.ts';
import type { FileLimits } from '../../files/file-limits.ts';
import { boundaryOf, readMultipart } from '../../files/multipart.ts';
import type { ReceivedFile } from '../../files/receive-file.ts';
import type { RelayApp, RelayServices } from '../../services.ts';
import { IdempotencyHeader, tellRepeat } from '../http/idempotency-key.ts';
import { sendJson } from '../http/send-json.ts';
import { uploadOf } from '../http/uploads.ts';
import { nameOf } from './file-name.ts';
import { fileView } from './file-views.ts';
import { openDesk, type UploadDesk } from './upload-desk.ts';

const USUAL_PURPOSE = 'user_data';
const USUAL_TYPE = 'application/octet-stream';
const FIELD_MOST_BYTES = 1_024;
const LEAST_LIFETIME_S = 60;
const MEDIA_TYPE = /^[\w.+-]+\/[\w.+-]+(?:;[ -~]*)?$/;

/** What came beside the content, or around it. */
type Beside = { filename?: string | undefined; purpose?: string; mediaType?: string | undefined; seconds?: string };

/** `POST /v1/files`: as a form, which OpenAI's clients send, or as the body itself. The scope takes bodies as they are. */
export function registerFileUpload(scope: RelayApp, services: RelayServices): void {
  scope.post(
    '/v1/files',
    {
      config: { access: 'files' },
      // A file is no JSON: its limits are checked while it comes in.
      validatorCompiler: ({ httpPart }) => (httpPart === 'querystring' ? validateQuery : () => true),
      schema: {
        summary: 'Upload a file for jobs, as a form with `file` and `purpose` or as the body itself',
        tags: ['Files'],
        headers: IdempotencyHeader,
        querystring: FileUploadQuery,
        body: {
          content: { 'multipart/form-data': { schema: FileForm }, 'application/octet-stream': { schema: RawFile } },
        },
        response: { 200: FileObject },
      },
    },
    async (request, reply) => {
      const { keyId: apiKeyId } = request.principal;
      const body = uploadOf(request, services.files.limits);
      const contentType = request.headers['content-type'] ?? USUAL_TYPE;
      const isForm = /^multipart\/form-data\b/i.test(contentType);
      const desk = await openDesk(request, services);
      const { made, isNew } = isForm
        ? await keepForm(readMultipart(body, boundaryOf(contentType)), apiKeyId, desk)
        : await keepRaw(request, body, apiKeyId, desk);
      return sendJson(tellRepeat(reply, isNew), fileView(made));
    },
  );
}

async function keepRaw(
  { query, headers }: FastifyRequest,
  body: AsyncIterable<Uint8Array>,
  apiKeyId: string,
  desk: UploadDesk,
) {
  const { filename, purpose, expires_after_s: seconds } = query as FileUploadQuery;
  const beside = { filename, mediaType: headers['content-type'], ...(purpose === undefined ? {} : { purpose }) };
  const file = fileOf({ ...beside, ...(seconds === undefined ? {} : { seconds }) }, desk.limits);
  const announcedBytes = Number(headers['content-length'] ?? 0);
  return desk.keep(await desk.receive(body, { apiKeyId, announcedBytes }), file);
}

async function keepForm(parts: ReturnType<typeof readMultipart>, apiKeyId: string, desk: UploadDesk) {
  let received: ReceivedFile | undefined;
  try {
    const beside: Beside = {};
    for await (const { name, filename, mediaType, body } of parts) {
      if (name === 'file') {
        if (received !== undefined) throw wrong('A form uploads one file.', 'file');
        beside.filename = filename;
        beside.mediaType = mediaType;
        received = await desk.receive(body, { apiKeyId });
      } else if (name === 'purpose') beside.purpose = await textOf(body, name);
      else if (name === 'expires_after[seconds]') beside.seconds = await textOf(body, name);
      else if (name === 'expires_after[anchor]') assertAnchor(await textOf(body, name));
      else throw wrong(`An upload takes no '${name.slice(0, 64)}'.`, name.slice(0, 64));
    }
    if (received === undefined) {
      throw new Problem('missing_required_parameter', "Missing required parameter: 'file'.", { param: 'file' });
    }
    const file = fileOf(beside, desk.limits);
    // What `keep` refuses it drops itself.
    const kept = received;
    received = undefined;
    return await desk.keep(kept, file);
  } catch (error) {
    if (received !== undefined) await desk.drop(received);
    throw error;
  }
}

function fileOf(
  { filename = 'file', purpose = USUAL_PURPOSE, mediaType = USUAL_TYPE, seconds }: Beside,
  { longestLifetimeMs }: FileLimits,
) {
  if (!new RegExp(FILE_PURPOSE).test(purpose)) {
    throw wrong('A purpose has 1 to 64 small letters, digits, dashes and underscores.', 'purpose');
  }
  const file: NewFile = {
    filename: nameOf(filename),
    purpose,
    mediaType: MEDIA_TYPE.test(mediaType) && mediaType.length <= 255 ? mediaType : USUAL_TYPE,
    jobId: null,
    lifetimeMs: lifetimeOf(seconds, longestLifetimeMs),
  };
  return file;
}

function lifetimeOf(seconds: string | undefined, longestMs: number): number | undefined {
  if (seconds === undefined) return undefined;
  const wanted = /^\d{1,8}$/.test(seconds) ? Number(seconds) : Number.NaN;
  const most = Math.floor(longestMs / 1_000);
  if (wanted >= LEAST_LIFETIME_S && wanted <= most) return wanted * 1_000;
  throw wrong(`A file is kept for ${LEAST_LIFETIME_S} to ${most} seconds.`, 'expires_after.seconds');
}

function assertAnchor(anchor: string): void {
  if (anchor !== 'created_at') throw wrong("The only anchor is 'created_at'.", 'expires_after.anchor');
}

async function textOf(body: AsyncIterable<Uint8Array>, name: string): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > FIELD_MOST_BYTES) throw wrong(`The field is longer than ${FIELD_MOST_BYTES} bytes.`, name);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function validateQuery(query: unknown): boolean {
  const { filename, purpose, expires_after_s: seconds, ...more } = query as Record<string, unknown>;
  const [other] = Object.keys(more);
  if (other !== undefined) throw wrong(`An upload takes no '${other.slice(0, 64)}'.`, other.slice(0, 64));
  for (const [param, value] of Object.entries({ filename, purpose, expires_after_s: seconds })) {
    if (value !== undefined && typeof value !== 'string') throw wrong(`${param} stands there more than once.`, param);
  }
  return true;
}

function wrong(sentence: string, param: string): Problem {
  return new Problem('invalid_value', sentence, { param });
}
