import { readdirSync, readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { Value } from 'typebox/value';
import {
  ANSWER_LINE_MOST_BYTES,
  ControlAnswer,
  type ControlPlace,
  type ControlRequest,
  controlLine,
  parsePlace,
} from '../../../shared/control/control-protocol.ts';
import { createLineReader } from '../../../shared/control/line-reader.ts';
import { fromProblemRecord, Problem } from '../../../shared/problems/problem.ts';

/** A node of this machine that listens now. */
export type FoundNode = { readonly pid: number; readonly folder: string; readonly socket: Socket };

/** A node answers within a turn of its event loop; one that computes on the same thread as well within some seconds. */
const ANSWER_WITHIN_MS = 10_000;

/** Every node that listens in these control folders; what dead processes left is passed over. Errors: `node_unreachable`. */
export async function findNodes(folders: readonly string[]): Promise<FoundNode[]> {
  const found: FoundNode[] = [];
  for (const folder of folders) {
    for (const { address, pid } of placesIn(folder)) {
      const socket = await tryToConnect(address);
      if (socket !== undefined) found.push({ pid, folder, socket });
    }
  }
  return found;
}

/**
 * Asks for one thing, and yields what is answered until that is all. Errors: the problem that the node tells,
 * `node_unreachable` when it says nothing for ten seconds, `node_lost` when it ends in between.
 */
export async function* askNode(
  { pid, socket }: FoundNode,
  request: ControlRequest,
  withinMs: number = ANSWER_WITHIN_MS,
): AsyncGenerator<ControlAnswer> {
  const reader = createLineReader(ANSWER_LINE_MOST_BYTES);
  const follows = request.ask === 'log' && request.follow;
  const silent = new Problem(
    'node_unreachable',
    `Process ${pid} runs and does not answer. Look at it, or start it anew.`,
  );
  // Whoever follows the log waits for as long as there is nothing to say.
  if (!follows) socket.setTimeout(withinMs, () => socket.destroy(silent));
  try {
    socket.write(controlLine(request));
    for await (const bytes of socket) {
      for (const line of reader.push(bytes as Buffer)) {
        const answer = readAnswer(line);
        if (answer.answer === 'problem') throw fromProblemRecord(answer.problem);
        yield answer;
        if (answer.answer !== 'log') return;
      }
    }
  } catch (error) {
    if (error instanceof Problem) throw error;
    throw lost(pid, error);
  } finally {
    socket.destroy();
  }
  throw lost(pid);
}

function placesIn(folder: string): ControlPlace[] {
  try {
    const names = readdirSync(folder).filter((name) => name.endsWith('.json'));
    return names.flatMap((name) => readPlace(join(folder, name)) ?? []);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return [];
    throw new Problem(
      'node_unreachable',
      `${folder} belongs to another user (${code}). Ask as the one whose node it is.`,
    );
  }
}

/** Undefined for what is gone or damaged: that is nobody who listens. */
function readPlace(file: string): ControlPlace | undefined {
  try {
    return parsePlace(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}

function tryToConnect(address: string): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const socket = connect(address);
    const onError = (): void => resolve(undefined);
    socket.once('error', onError);
    socket.once('connect', () => {
      socket.off('error', onError);
      // One that is not asked may end meanwhile.
      socket.on('error', () => undefined);
      resolve(socket);
    });
  });
}

function readAnswer(line: string): ControlAnswer {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    // Said below: it is no answer.
  }
  if (Value.Check(ControlAnswer, value)) return value;
  const advice = 'Use the sparewatt command of the same version as the node.';
  throw new Problem('protocol_violation', `The node answers what this command does not understand. ${advice}`);
}

function lost(pid: number, cause?: unknown): Problem {
  const detail = `Process ${pid} ended before it had answered, or its answer was not read in time.`;
  return new Problem('node_lost', detail, { cause });
}
