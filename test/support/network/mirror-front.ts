import { createHash } from 'node:crypto';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type RelayFront, startRelayFront } from './relay-front.ts';

export type MirrorFront = RelayFront;

/** The path at which a relay lists the files of a model that it mirrors. */
const LIST = /^\/mirror\/(.+)\/lock\/main$/;
/** And at which it serves them, as the hub does. */
const FILE = /^\/mirror(\/.+\/resolve\/.+)$/;

/**
 * A relay as a browser reaches it, whose mirror is a hub of this machine: what the hub does wrong, the mirror does.
 * `root` is the folder that the hub serves.
 */
export async function startMirrorFront(relayUrl: string, hubUrl: string, root: string): Promise<MirrorFront> {
  return startRelayFront(relayUrl, (request, response, pass) => {
    const path = request.url ?? '/';
    const listed = LIST.exec(path)?.[1];
    const file = FILE.exec(path)?.[1];
    if (listed !== undefined) {
      const lock = lockOf(root, decodeURIComponent(listed));
      if (lock === null) response.writeHead(404).end();
      else response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(lock));
    } else if (file !== undefined) pass(request, response, new URL(file, hubUrl));
    return listed !== undefined || file !== undefined;
  });
}

function lockOf(root: string, model: string): object | null {
  const folder = join(root, model);
  if (!existsSync(folder)) return null;
  const files = globSync('**/*.{json,onnx,onnx_data,jinja}', { cwd: folder })
    .filter((name) => name !== 'digests.json')
    .map((name) => {
      const body = readFileSync(join(folder, name));
      return [name, { sha256: createHash('sha256').update(body).digest('hex'), sizeBytes: body.length }];
    });
  return { model, revision: 'a'.repeat(40), complete: true, files: Object.fromEntries(files) };
}
