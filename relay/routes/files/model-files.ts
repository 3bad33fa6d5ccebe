import { statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Problem } from '../../../shared/problems/problem.ts';
import type { ModelMirror } from '../../models/mirror.ts';
import type { RelayApp } from '../../services.ts';
import { sendJson } from '../http/send-json.ts';

/** The models that ship with the product; browser tabs have no other place to get them from. */
const MODELS_FOLDER = fileURLToPath(new URL('../../../shared/models', import.meta.url));
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

/** `<id>/lock/<revision>`, and `<id>/resolve/<revision>/<file>` as on the hub; a slash of the revision is escaped. */
const LOCK_PATH = /^([^/]+(?:\/[^/]+)?)\/lock\/([^/]+)$/;
const FILE_PATH = /^([^/]+(?:\/[^/]+)?)\/resolve\/([^/]+)\/(.+)$/;

/**
 * Serves what the relay mirrors to its nodes: locks, and files as the hub serves them, with ranges. Open to whoever
 * reaches the relay, as the shipped models are: a node needs its models before the relay knows it, each file is checked
 * against its lock, and the mirror is filled without a token, so that it holds only what is public.
 */
export function registerModelMirrorRoute(app: RelayApp, mirror: ModelMirror): void {
  app.get<{ Params: { '*': string } }>(
    '/mirror/*',
    { config: { access: 'public' }, schema: { hide: true } },
    async (request, reply) => {
      // Split before it is unescaped: the router has done that to the wildcard, and a revision may have slashes.
      const path = request.url.slice('/mirror/'.length).split('?')[0] ?? '';
      const [, lockId, lockRevision] = LOCK_PATH.exec(path) ?? [];
      if (lockId !== undefined && lockRevision !== undefined) {
        const lock = await mirror.lock(unescaped(lockId), unescaped(lockRevision));
        if (lock === null) throw notMirrored();
        return sendJson(reply.headers(HEADERS), lock);
      }
      const [, id = '', revision = '', name = ''] = FILE_PATH.exec(path) ?? [];
      const file = await mirror.file(unescaped(id), unescaped(revision), unescaped(name));
      if (file === null) throw notMirrored();
      return reply
        .headers({ ...HEADERS, 'x-repo-commit': file.commit, 'x-linked-etag': `"${file.digest.sha256}"` })
        .type('application/octet-stream')
        .sendFile(unescaped(name), file.folder);
    },
  );
}

/** What cannot be unescaped names nothing. */
function unescaped(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return '';
  }
}

function notMirrored(): Problem {
  return new Problem('unknown_url', 'The relay mirrors no such model, revision or file.');
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
}
