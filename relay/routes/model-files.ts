import { statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Problem } from '../../shared/problems/problem.ts';
import type { RelayApp } from '../services.ts';

/** The models that ship with the product; browser tabs have no other place to get them from. */
const MODELS_FOLDER = fileURLToPath(new URL('../../shared/models', import.meta.url));
const FILE_NAME = /^[\w-][\w.-]*(\/[\w-][\w.-]*)+$/;

const HEADERS = {
  'cross-origin-resource-policy': 'same-origin',
  'x-content-type-options': 'nosniff',
  // Asked for again each time, and answered with 304: a model may change under its name.
  'cache-control': 'no-cache',
};

/** Serves the files of the shipped models. To be registered after the pages, which bring `sendFile`. */
export function registerModelFileRoute(app: RelayApp, folder: string = MODELS_FOLDER): void {
  app.get<{ Params: { '*': string } }>(
    '/models/*',
    { config: { access: 'public' }, schema: { hide: true } },
    (request, reply) => {
      const file = request.params['*'];
      if (!FILE_NAME.test(file) || !isFile(join(folder, file))) {
        throw new Problem('unknown_url', 'The relay offers no such file of a model.');
      }
      return reply.headers(HEADERS).sendFile(file, folder);
    },
  );
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
}
