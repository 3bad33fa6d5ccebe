import { createHash } from 'node:crypto';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { request as ask, createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { join } from 'node:path';

export type MirrorFront = { url: string; close(): Promise<void> };

/** The path at which a relay lists the files of a model that it mirrors. */
const LIST = /^\/mirror\/(.+)\/lock\/main$/;
/** And at which it serves them, as the hub does. */
const FILE = /^\/mirror(\/.+\/resolve\/.+)$/;

/**
 * A relay as a browser reaches it, whose mirror is a hub of this machine: what the hub does wrong, the mirror does.
 * `root` is the folder that the hub serves.
 */
export async function startMirrorFront(relayUrl: string, hubUrl: string, root: string): Promise<MirrorFront> {
  const server = createServer((request, response) => {
    const path = request.url ?? '/';
    const listed = LIST.exec(path)?.[1];
    if (listed !== undefined) {
      const lock = lockOf(root, decodeURIComponent(listed));
      if (lock === null) return void response.writeHead(404).end();
      return void response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(lock));
    }
    const file = FILE.exec(path)?.[1];
    const target = file === undefined ? new URL(path, relayUrl) : new URL(file, hubUrl);
    const passed = ask(target, { method: request.method ?? 'GET', headers: request.headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
      answer.on('error', () => response.destroy());
      answer.on('close', () => answer.complete || response.destroy());
    });
    passed.on('error', () => response.destroy());
    response.on('close', () => passed.destroy());
    request.pipe(passed);
  });
  server.on('upgrade', (request, socket, head) => {
    const { hostname, port } = new URL(relayUrl);
    const line = connect(Number(port), hostname, () => {
      const headers = Object.entries(request.headers).map(([name, value]) => `${name}: ${String(value)}`);
      line.write(`${request.method} ${request.url} HTTP/1.1\r\n${headers.join('\r\n')}\r\n\r\n`);
      line.write(head);
      line.pipe(socket).pipe(line);
    });
    for (const end of [line, socket]) end.on('error', () => [line, socket].forEach((each) => void each.destroy()));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
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
