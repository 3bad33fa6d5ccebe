import { Type } from 'typebox';
import { FileDeleted, FileObject, FilePage, FilePageQuery } from '../../../shared/api/files.ts';
import type { RelayApp, RelayServices } from '../../services.ts';
import { readPageLimit } from '../http/page-limit.ts';
import { FILE_ANSWERS, sendFile } from '../http/send-file.ts';
import { sendJson } from '../http/send-json.ts';
import { registerStreamed } from '../http/uploads.ts';
import { registerFileUpload } from './file-upload.ts';
import { fileView } from './file-views.ts';

const IdParams = Type.Object({ id: Type.String({ maxLength: 64 }) });
const PAGE_MOST = 10_000;

/** `/v1/files`: large inputs and outputs of jobs. A key sees its own; another's is as unknown as one that never was. */
export async function registerFileRoutes(app: RelayApp, services: RelayServices): Promise<void> {
  const config = { access: 'files' } as const;
  const tags = ['Files'];
  await registerStreamed(app, (scope) => registerFileUpload(scope, services));
  app.get(
    '/v1/files',
    {
      config,
      schema: {
        summary: 'The files of this key, newest first',
        tags,
        querystring: FilePageQuery,
        response: { 200: FilePage },
      },
    },
    async ({ query, principal }, reply) => {
      const { files } = services;
      const { after, purpose, order } = query;
      const limit = readPageLimit(query.limit, PAGE_MOST);
      const asked = { apiKeyId: principal.keyId, limit, after, purpose, oldestFirst: order === 'asc' };
      const found = await files.list(asked);
      const data = found.slice(0, limit).map(fileView);
      const has_more = found.length > limit;
      const last_id = data.at(-1)?.id ?? null;
      const first_id = data[0]?.id ?? null;
      const next = has_more ? last_id : null;
      const page: FilePage = { object: 'list', data, first_id, last_id, has_more, next };
      return sendJson(reply, page);
    },
  );
  app.get(
    '/v1/files/:id',
    {
      config,
      schema: { summary: 'What is known of a file', tags, params: IdParams, response: { 200: FileObject } },
    },
    async ({ params, principal }, reply) =>
      sendJson(reply, fileView(await services.files.find(params.id, principal.keyId))),
  );
  app.get(
    '/v1/files/:id/content',
    {
      config,
      schema: {
        summary: 'The content of a file, or the part of it that `Range` names',
        tags,
        params: IdParams,
        response: FILE_ANSWERS,
      },
    },
    async (request, reply) => {
      const file = await services.files.find(request.params.id, request.principal.keyId);
      return sendFile(request, reply, file, services.files);
    },
  );
  app.delete(
    '/v1/files/:id',
    {
      config,
      schema: { summary: 'Delete a file', tags, params: IdParams, response: { 200: FileDeleted } },
    },
    async ({ params: { id }, principal }, reply) => {
      await services.files.remove(id, principal.keyId);
      return sendJson(reply, { id, object: 'file', deleted: true });
    },
  );
}
