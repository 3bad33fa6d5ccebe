import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { JobFileKept, RawFile } from '../../../shared/api/files.ts';
import { JOB_FILES_PATH } from '../../files/job-files.ts';
import type { RelayApp, RelayServices } from '../../services.ts';
import { FILE_ANSWERS, sendFile } from '../http/send-file.ts';
import { sendJson } from '../http/send-json.ts';
import { checkAllButBody, registerStreamed, uploadOf } from '../http/uploads.ts';
import { nameOf } from './file-name.ts';

const UploadQuery = Type.Object(
  { filename: Type.Optional(Type.String({ description: 'The first 255 characters are kept' })) },
  { additionalProperties: false },
);
const MEDIA_TYPE = /^[\w.+-]{1,64}\/[\w.+-]{1,64}$/;

/** `/v1/job-files`: where the node of a job fetches its inputs and hands its outputs over, with the token of its attempt. */
export async function registerJobFileRoutes(app: RelayApp, services: RelayServices): Promise<void> {
  const config = { access: 'attempt' } as const;
  const tags = ['Nodes'];
  app.get(
    `${JOB_FILES_PATH}/:id`,
    {
      config,
      schema: {
        summary: 'A file that the job of a node reads, for the token of its attempt',
        tags,
        params: Type.Object({ id: Type.String({ maxLength: 64 }) }),
        response: FILE_ANSWERS,
      },
    },
    async (request, reply) => {
      const file = services.jobFiles.find(tokenOf(request)).input(request.params.id);
      return sendFile(request, reply, file, services.files);
    },
  );
  await registerStreamed(app, (scope) => {
    scope.post(
      JOB_FILES_PATH,
      {
        config,
        validatorCompiler: checkAllButBody(scope),
        schema: {
          summary: 'Hand over a file that the job of a node has made, for the token of its attempt',
          tags,
          querystring: UploadQuery,
          body: { content: { 'application/octet-stream': { schema: RawFile } } },
          response: { 200: JobFileKept },
        },
      },
      async (request, reply) => {
        const grant = services.jobFiles.find(tokenOf(request));
        const { filename } = request.query;
        const { 'content-type': type = '', 'content-length': length } = request.headers;
        const head = {
          filename: nameOf(filename ?? ''),
          mediaType: MEDIA_TYPE.test(type) ? type : 'application/octet-stream',
          announcedBytes: Number(length ?? 0),
        };
        return sendJson(reply, await grant.takeOutput(uploadOf(request, services.files.limits), head));
      },
    );
  });
}

function tokenOf({ headers: { authorization } }: FastifyRequest): string | undefined {
  return authorization === undefined ? undefined : /^bearer +(\S{1,128}) *$/i.exec(authorization)?.[1];
}
