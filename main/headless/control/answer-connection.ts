/**
 * One connection of a program of this machine.
 *
 * 1. One request is answered at a time, each in a turn of the event loop of its own, and none while what was answered is
 *    unread: nobody can make the node hold more than it has read at once and one answer.
 * 2. Nothing is read on after a line that means nothing: its answer is the last.
 * 3. A connection that does nothing for a while ends, but for one that follows the log; one that follows and does not read
 *    ends when too much waits for it.
 * 4. Whatever comes, nothing is thrown and the node goes on.
 */
import type { Socket } from 'node:net';
import { Value } from 'typebox/value';
import {
  CONTROL_VERSION,
  type ControlAnswer,
  ControlRequest,
  controlLine,
  LOG_LINE_MOST_CHARACTERS,
  REQUEST_LINE_MOST_BYTES,
} from '../../../shared/control/control-protocol.ts';
import { createLineReader } from '../../../shared/control/line-reader.ts';
import { Problem, toProblem, toProblemRecord } from '../../../shared/problems/problem.ts';
import type { ControlDesk } from './control-desk.ts';

export type ConnectionPorts = {
  desk: ControlDesk;
  /** Takes a place among those that follow the log, and returns how to give it back; undefined when there is none. */
  takeFollower(): (() => void) | undefined;
  onFault(error: unknown): void;
  idleMs?: number;
  unreadMostBytes?: number;
};

const IDLE_MS = 10_000;
/** A program that follows the log reads it at once, or is gone. */
const UNREAD_MOST_BYTES = 1_048_576;
/** Of what was logged before; well under the former, so that nobody is cut off for what they have just been told. */
const TAIL_MOST_CHARACTERS = 262_144;
/** Of one page; as text within JSON they take a third more. */
const RECEIPTS_MOST_CHARACTERS = 262_144;
/** Whoever was told the last word has so long to read it. */
const LINGER_MS = 1_000;

export function answerConnection(socket: Socket, ports: ConnectionPorts): void {
  const { desk, idleMs = IDLE_MS, unreadMostBytes = UNREAD_MOST_BYTES } = ports;
  const reader = createLineReader(REQUEST_LINE_MOST_BYTES);
  const waiting: string[] = [];
  let state: 'asking' | 'following' | 'over' = 'asking';
  let isBusy = false;
  let hasEnded = false;

  const tell = (answer: ControlAnswer): void => void socket.write(controlLine(answer));
  const endWith = (error: unknown): void => {
    state = 'over';
    if (!(error instanceof Problem)) ports.onFault(error);
    tell({ version: CONTROL_VERSION, answer: 'problem', problem: toProblemRecord(toProblem(error, 'node_fault')) });
    socket.end();
    socket.resume();
    setTimeout(() => socket.destroy(), LINGER_MS).unref();
  };
  const follow = (): void => {
    const release = ports.takeFollower();
    if (release === undefined) throw new Problem('node_busy', 'Others follow the log of this node already.');
    state = 'following';
    const stop = desk.log.onLine((line) => {
      tell(logAnswer(line));
      if (socket.writableLength > unreadMostBytes) socket.destroy();
    });
    socket.once('close', () => {
      stop();
      release();
    });
  };
  const answer = (line: string): void => {
    const request = readRequest(line);
    if (request.ask === 'log') {
      if (request.follow) follow();
      for (const text of newest(desk.log.tail(request.lines))) tell(logAnswer(text));
      if (!request.follow) tell({ version: CONTROL_VERSION, answer: 'end' });
      return;
    }
    if (request.ask === 'jobs' || request.ask === 'receipts') {
      tell(pageOf(desk, request));
      return;
    }
    if (request.ask === 'pause') desk.pause(request.forMs);
    else if (request.ask !== 'status') desk[request.ask]();
    tell({ version: CONTROL_VERSION, answer: 'status', status: desk.status() });
  };
  const next = (): void => {
    if (isBusy || socket.destroyed) return;
    // Read on, or the end of the connection would not be seen.
    if (state !== 'asking') return void socket.resume();
    const line = socket.writableNeedDrain ? undefined : waiting.shift();
    if (line === undefined) {
      // Goes on when what was answered has been read.
      if (socket.writableNeedDrain) socket.pause();
      else if (hasEnded) socket.end();
      else socket.resume();
      return;
    }
    isBusy = true;
    socket.pause();
    try {
      answer(line);
    } catch (error) {
      endWith(error);
      return;
    }
    setImmediate(() => {
      isBusy = false;
      next();
    });
  };

  socket.setTimeout(idleMs, () => {
    if (state !== 'following' || socket.writableLength > 0) socket.destroy();
  });
  socket.on('data', (bytes: Buffer) => {
    // Whoever follows has nothing more to say, and what comes after an end is let go.
    if (state !== 'asking') return;
    try {
      waiting.push(...reader.push(bytes).filter((line) => line.trim() !== ''));
    } catch (error) {
      endWith(error);
      return;
    }
    next();
  });
  socket.on('drain', next);
  socket.on('end', () => {
    hasEnded = true;
    if (state === 'following') socket.end();
    else next();
  });
  socket.on('error', () => socket.destroy());
}

function readRequest(line: string): ControlRequest {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw new Problem('invalid_json', 'A request is one JSON object in a line of its own.');
  }
  if (Value.Check(ControlRequest, value)) return value;
  const version = typeof value === 'object' && value !== null && 'version' in value ? value.version : undefined;
  if (typeof version === 'number' && version !== CONTROL_VERSION) {
    const advice = 'Use the sparewatt command that came with it.';
    throw new Problem('invalid_value', `This node is controlled in version ${CONTROL_VERSION}. ${advice}`);
  }
  throw new Problem('invalid_value', 'This is no request that the node knows.');
}

/** A page that may be shorter than was asked for, so that it has room in one answer. */
function pageOf({ ledger }: ControlDesk, request: ControlRequest & { ask: 'jobs' | 'receipts' }): ControlAnswer {
  const version = CONTROL_VERSION;
  if (request.ask === 'jobs') {
    const jobs = ledger().jobs(request);
    return { version, answer: 'jobs', jobs, next: jobs.length < request.limit ? null : (jobs.at(-1)?.row ?? null) };
  }
  const found = ledger().receipts(request);
  let room = RECEIPTS_MOST_CHARACTERS;
  const tooMany = found.findIndex(({ document }, index) => {
    room -= document.length;
    return room < 0 && index > 0;
  });
  const receipts = tooMany === -1 ? found : found.slice(0, tooMany);
  const isAll = tooMany === -1 && found.length < request.limit;
  return { version, answer: 'receipts', receipts, next: isAll ? null : (receipts.at(-1)?.row ?? null) };
}

/** The last lines that have room in one answer. */
function newest(lines: readonly string[]): readonly string[] {
  let room = TAIL_MOST_CHARACTERS;
  const first = lines.findLastIndex((line) => {
    room -= Math.min(line.length, LOG_LINE_MOST_CHARACTERS);
    return room < 0;
  });
  return lines.slice(first + 1);
}

function logAnswer(line: string): ControlAnswer {
  const whole = line.length <= LOG_LINE_MOST_CHARACTERS;
  const text = whole ? line : `${line.slice(0, LOG_LINE_MOST_CHARACTERS - 1).toWellFormed()}…`;
  return { version: CONTROL_VERSION, answer: 'log', line: text };
}
