import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fastifyStatic from '@fastify/static';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { MEDIA_PAGE_HEADERS, PAGE_HEADERS } from '../../../shared/pages/page-headers.ts';
import { Problem } from '../../../shared/problems/problem.ts';
import type { RelayApp } from '../../services.ts';

/** Where `npm run build` leaves the pages. */
export const PAGES_FOLDER = fileURLToPath(new URL('../../../dist/pages', import.meta.url));

/** The pages that the relay serves, each at its own name. */
const PAGES: { name: string; summary: string; headers?: Record<string, string> }[] = [
  { name: 'join', summary: 'The page that makes a browser tab a node' },
  // Its playground shows, plays and records.
  { name: 'console', summary: 'The page on which operators see and run the relay', headers: MEDIA_PAGE_HEADERS },
  { name: 'verify', summary: 'The page that checks a receipt without asking anybody' },
];

/** What the build writes beside the pages; they name it so. */
const LICENCES = 'licences.txt';

/** Nobody reads a page in parts, and a range that cannot be served would be a fault. */
const WHOLE = { acceptRanges: false };

/** A name changes with its content, so that what was fetched once never has to be asked for again. */
const ASSET_HEADERS = { ...PAGE_HEADERS, 'cache-control': 'public, max-age=31536000, immutable' };
const ASSET_NAME = /^[\w-]+(\.[\w-]+)+$/;

const NOT_BUILT = `The pages of this relay are not built yet. "npm start" builds them while it runs; else run "npm run build" in its folder. The relay needs no restart.`;

/** For a person who came before the pages were built; it looks again by itself. */
const NOT_BUILT_PAGE = `<!doctype html>
<html lang="en">
  <meta charset="utf-8" />
  <meta http-equiv="refresh" content="3" />
  <title>Sparewatt: pages are not built</title>
  <p>${NOT_BUILT} This page looks again every three seconds.</p>
</html>
`;

const MEANT = new Map([['/', '/console'], ...PAGES.map(({ name }) => [`/${name}/`, `/${name}`] as const)]);

/** The page that somebody means who typed a path that is none; the console is what shows a relay at work. */
export function pageMeantBy(path: string): string | undefined {
  return MEANT.get(path);
}

/** Whether the pages are built. */
export function hasPages(folder: string = PAGES_FOLDER): boolean {
  return PAGES.every(({ name }) => existsSync(join(folder, name, 'index.html')));
}

/** Serves the built pages. Errors: `pages_missing` until they are built. */
export async function registerPageRoutes(app: RelayApp, folder: string = PAGES_FOLDER): Promise<void> {
  const root = { root: folder, suppressWarning: true };
  await app.register(fastifyStatic, { ...root, serve: false, cacheControl: false, preCompressed: true });

  function sendPage(
    request: FastifyRequest,
    reply: FastifyReply,
    name: string,
    headers: Record<string, string>,
  ): FastifyReply {
    if (!existsSync(join(folder, name, 'index.html'))) return sendNotBuilt(request, reply);
    return reply.headers({ ...headers, 'cache-control': 'no-cache' }).sendFile(`${name}/index.html`, WHOLE);
  }

  for (const { name, summary, headers = PAGE_HEADERS } of PAGES) {
    app.get(
      `/${name}`,
      {
        config: { access: 'public' },
        schema: {
          summary,
          tags: ['Pages'],
          response: {
            200: { description: 'The page', content: { 'text/html': { schema: Type.String() } } },
          },
        },
      },
      (request, reply) => void sendPage(request, reply, name, headers),
    );
  }
  app.get(
    `/${LICENCES}`,
    {
      config: { access: 'public' },
      schema: {
        summary: 'The licences of what the pages hold of others',
        tags: ['Pages'],
        response: { 200: { description: 'The texts', content: { 'text/plain': { schema: Type.String() } } } },
      },
    },
    (request, reply) => {
      if (!existsSync(join(folder, LICENCES))) return void sendNotBuilt(request, reply);
      return void reply.headers({ ...PAGE_HEADERS, 'cache-control': 'no-cache' }).sendFile(LICENCES, WHOLE);
    },
  );
  app.get<{ Params: { '*': string } }>(
    '/assets/*',
    { config: { access: 'public' }, schema: { hide: true } },
    (request, reply) => {
      const asset = request.params['*'];
      if (!ASSET_NAME.test(asset) || !existsSync(join(folder, 'assets', asset))) {
        throw new Problem('unknown_url', 'The pages have no such part. Load the page again.');
      }
      return reply.headers(ASSET_HEADERS).sendFile(`assets/${asset}`, WHOLE);
    },
  );
}

/** Browsers ask for HTML by name; programs get the problem as everywhere. */
function sendNotBuilt({ headers }: FastifyRequest, reply: FastifyReply): FastifyReply {
  if (!headers.accept?.includes('text/html')) throw new Problem('pages_missing', NOT_BUILT);
  return reply
    .code(503)
    .headers({ ...PAGE_HEADERS, 'cache-control': 'no-store' })
    .type('text/html; charset=utf-8')
    .send(NOT_BUILT_PAGE);
}
