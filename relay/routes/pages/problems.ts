import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { ProblemFacts, ProblemList } from '../../../shared/api/problems.ts';
import { PAGE_HEADERS } from '../../../shared/pages/page-headers.ts';
import { ADVICE } from '../../../shared/problems/advice.ts';
import { Problem } from '../../../shared/problems/problem.ts';
import { isProblemCode, PROBLEMS, type ProblemCode } from '../../../shared/problems/table.ts';
import type { RelayApp } from '../../services.ts';
import { PAGES_FOLDER } from './pages.ts';
import { problemPage, problemsPage, UNSTYLED } from './problem-pages.ts';

/** One address has two forms, and answers differ also by who asks from where (`cors.ts`). */
const HEADERS = { ...PAGE_HEADERS, 'cache-control': 'no-cache', vary: 'accept, origin' };

/** `/problems`: where the `type` of every error leads. Anybody may read it: who was refused has perhaps no key. */
export function registerProblemRoutes(app: RelayApp, folder: string = PAGES_FOLDER): void {
  const send = async (
    { headers }: FastifyRequest,
    reply: FastifyReply,
    facts: () => object,
    page: (frame: string) => string,
  ): Promise<FastifyReply> => {
    reply.headers(HEADERS);
    // Browsers ask for HTML by name.
    if (!headers.accept?.includes('text/html')) {
      return reply.type('application/json; charset=utf-8').send(JSON.stringify(facts()));
    }
    const frame = await readFile(join(folder, 'problems', 'index.html'), 'utf8').catch(() => UNSTYLED);
    return reply.type('text/html; charset=utf-8').send(page(frame));
  };
  const answers = (json: object) => ({
    200: {
      description: 'For browsers as a page',
      content: { 'application/json': { schema: json }, 'text/html': { schema: Type.String() } },
    },
  });
  const config = { access: 'public' } as const;
  app.get(
    '/problems',
    {
      config,
      schema: {
        summary: 'All codes that errors have',
        tags: ['Operations'],
        querystring: Type.Object({}, { additionalProperties: false }),
        response: answers(ProblemList),
      },
    },
    (request, reply) => send(request, reply, listOfFacts, problemsPage) as never,
  );
  app.get<{ Params: { code: string } }>(
    '/problems/:code',
    {
      config,
      schema: {
        summary: 'What a code of an error means and what to do about it; the `type` of errors leads here',
        tags: ['Operations'],
        params: Type.Object({ code: Type.String() }),
        response: answers(ProblemFacts),
      },
    },
    (request, reply) => {
      const { code } = request.params;
      if (!isProblemCode(code)) {
        throw new Problem('unknown_url', 'No error has this code here. /problems lists those that there are.');
      }
      const page = (frame: string): string => problemPage(frame, code);
      return send(request, reply, () => factsOf(code), page) as never;
    },
  );
}

function listOfFacts(): object {
  return { object: 'list', data: (Object.keys(PROBLEMS) as ProblemCode[]).sort().map(factsOf), next: null };
}

function factsOf(code: ProblemCode): object {
  const { title, status, retry } = PROBLEMS[code];
  return { code, title, status, retry, advice: ADVICE[code] };
}
