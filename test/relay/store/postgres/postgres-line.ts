import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { Transform, type TransformCallback } from 'node:stream';
import type { TestContext } from 'node:test';
import { temporaryFolder } from '../../../support/temporary-folder.ts';

/** As PostgreSQL calls it. */
const SOCKET = '.s.PGSQL.5432';

/** A line to a server. */
export type Line = {
  url: string;
  /** Ends every connection, which the server does not notice. */
  breakOff(): void;
  /** From now on nothing passes that either side says, though connections are taken. */
  swallow(): void;
  /** New connections lead to the server again; what was swallowed is lost. */
  heal(): void;
  /** From now on what the server says takes so long on its way. */
  delay(ms: number): void;
  /** How many connections were ever made. */
  connections(): number;
};

/** A line to the server of a database, until its test ends. */
export async function startLine(t: TestContext, url: string): Promise<Line> {
  const folder = temporaryFolder(t);
  const host = /@([^/]+)\//.exec(url)?.[1] ?? '';
  const near = new Set<Socket>();
  const far = new Set<Socket>();
  let swallows = false;
  let count = 0;
  let delayMs = 0;
  const late = (chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void => {
    setTimeout(() => done(null, chunk), delayMs);
  };
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    count += 1;
    near.add(socket.on('error', () => undefined));
    if (swallows) return void socket.resume();
    const other = connect(join(decodeURIComponent(host), SOCKET));
    far.add(other.on('error', () => undefined));
    socket.pipe(other, { end: false });
    other.pipe(new Transform({ transform: late })).pipe(socket);
  });
  await once(server.listen(join(folder, SOCKET)), 'listening');
  t.after(() => {
    server.close();
    for (const socket of [...near, ...far]) socket.destroy();
  });
  return {
    url: url.replace(host, encodeURIComponent(folder)),
    breakOff: () => {
      for (const socket of near) socket.destroy();
      near.clear();
    },
    swallow: () => {
      swallows = true;
      for (const socket of [...near, ...far]) socket.unpipe().resume();
    },
    heal: () => {
      swallows = false;
    },
    delay: (ms) => {
      delayMs = ms;
    },
    connections: () => count,
  };
}
