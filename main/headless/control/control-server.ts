/**
 * Where programs of this machine reach its node: a Unix socket or a named pipe, never an address of a network.
 *
 * 1. Only the user of this process reaches it: the socket has mode 0600 in a folder of mode 0700, and the name of a pipe is
 *    random and lies in a file that only they can read.
 * 2. It is announced when it listens, and not before; what dead processes have announced is taken away, by names that are
 *    never used twice, so that nothing is ever taken from a process that lives.
 * 3. Connections and those that follow the log are counted, and one too many is told so and ended.
 * 4. It keeps no process alive, and ends with a process that ends in order.
 */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AgentLog } from '../../../shared/agent/log.ts';
import { CONTROL_FOLDER, CONTROL_VERSION, controlLine } from '../../../shared/control/control-protocol.ts';
import { Problem, toProblemRecord } from '../../../shared/problems/problem.ts';
import { answerConnection } from './answer-connection.ts';
import type { ControlDesk } from './control-desk.ts';
import { choosePlace, removeStale } from './control-place.ts';

export type Control = { readonly address: string; close(): void };

export type ControlOptions = {
  /** The node's own; the control folder lies in it. */
  dataFolder: string;
  desk: ControlDesk;
  log: AgentLog;
  platform?: NodeJS.Platform;
  temporaryFolder?: string;
  idleMs?: number;
  unreadMostBytes?: number;
};

/** A person has one terminal or two, and their scripts ask and go. */
const CONNECTIONS_MOST = 32;
/** Fewer, so that one who wants to pause is heard whatever follows the log. */
const FOLLOWERS_MOST = 8;

/** Errors: `data_folder_unusable`, and what the system says of a socket. */
export async function openControl(options: ControlOptions): Promise<Control> {
  const { dataFolder, platform = process.platform, temporaryFolder = tmpdir(), log } = options;
  const folder = join(dataFolder, CONTROL_FOLDER);
  const place = choosePlace({ folder, platform, temporaryFolder, randomName: () => randomBytes(16).toString('hex') });
  const open = new Set<Socket>();
  const takeFollower = createPlaces(FOLLOWERS_MOST);
  const onFault = (err: unknown): void => log.error({ err }, 'a request to control this node failed');
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    if (open.size >= CONNECTIONS_MOST) return refuse(socket);
    open.add(socket);
    socket.once('close', () => open.delete(socket));
    answerConnection(socket, { ...options, takeFollower, onFault });
  });
  const close = (): void => {
    server.close();
    for (const socket of open) socket.destroy();
    place.remove();
  };
  try {
    await removeStale(folder, platform);
    server.listen({ path: place.address });
    await once(server, 'listening');
    place.publish();
  } catch (error) {
    close();
    throw error;
  }
  server.on('error', (err) => log.error({ err }, 'this node cannot be controlled any more'));
  server.unref();
  return { address: place.address, close };
}

function refuse(socket: Socket): void {
  const problem = new Problem('node_busy', `${CONNECTIONS_MOST} programs control this node already. Try again.`);
  socket.on('error', () => undefined);
  socket.write(controlLine({ version: CONTROL_VERSION, answer: 'problem', problem: toProblemRecord(problem) }));
  socket.destroySoon();
}

function createPlaces(most: number): () => (() => void) | undefined {
  let taken = 0;
  return () => {
    if (taken >= most) return undefined;
    taken += 1;
    return () => {
      taken -= 1;
    };
  };
}
