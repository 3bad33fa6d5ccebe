import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fastifyStatic from '@fastify/static';
import type { FastifyReply } from 'fastify';
import { Type } from 'typebox';
import { ErrorResponse } from '../../shared/api/errors.ts';
import { PAGE_HEADERS } from '../../shared/pages/page-headers.ts';
import { Problem } from '../../shared/problems/problem.ts';
import type { RelayApp } from '../services.ts';

/** Where `npm run build` leaves the pages. */
const PAGES_FOLDER = fileURLToPath(new URL('../../dist/pages', import.meta.url));

/** The pages that the relay serves, each at its own name. */
const PAGES: { name: string; summary: string }[] = [
  { name: 'join', summary: 'The page that makes a browser tab a node' },
  { name: 'console', summary: 'The page on which operators see and run the relay' },
  { name: 'verify', summary: 'The page that checks a receipt without asking anybody' },
];

/** Nobody reads a page in parts, and a range that cannot be served would be a fault. */
const WHOLE = { acceptRanges: false };

/** A name changes with its content, so that what was fetched once never has to be asked for again. */
const ASSET_HEADERS = { ...PAGE_HEADERS, 'cache-control': 'public, max-age=31536000, immutable' };
const ASSET_NAME = /^[\w-]+(\.[\w-]+)+$/;

/** Serves the built pages. Errors: `pages_missing` until they are built. */
export async function registerPageRoutes(app: RelayApp, folder: string = PAGES_FOLDER): Promise<void> {
  const root = { root: folder, suppressWarning: true };
  await app.register(fastifyStatic, { ...root, serve: false, cacheControl: false, preCompressed: true });

  function sendPage(reply: FastifyReply, name: string): FastifyReply {
    if (!existsSync(join(folder, name, 'index.html'))) throw pagesMissing();
    return reply.headers({ ...PAGE_HEADERS, 'cache-control': 'no-cache' }).sendFile(`${name}/index.html`, WHOLE);
  }

  for (const { name, summary } of PAGES) {
    app.get(
      `/${name}`,
      {
        config: { access: 'public' },
        schema: {
          summary,
          tags: ['Pages'],
          response: {
            200: { description: 'The page', content: { 'text/html': { schema: Type.String() } } },
            '4xx': ErrorResponse,
            '5xx': ErrorResponse,
          },
        },
      },
      (_request, reply) => void sendPage(reply, name),
    );
  }
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

function pagesMissing(): Problem {
  return new Problem(
    'pages_missing',
    'The pages of this relay are not built yet. Run "npm run build" in its folder; it needs no restart.',
  );
}
