import pg from 'pg';
import { Problem } from '../../../shared/problems/problem.ts';

/** Beginnings of SQLSTATEs that speak of the server or the rights of the relay, not of the statement; the first that fits. */
const ADVICE: ReadonlyArray<readonly [prefix: string, advice: string]> = [
  ['53100', 'the disk of its server is full. Free some space; the relay writes again by itself'],
  ['53300', 'its server has no connection left. Raise max_connections, or end some of its clients'],
  ['53', 'its server is short of resources. Look at its log'],
  ['57014', 'a statement took too long. Look at the load of its server'],
  [
    '57P01',
    'its server ended the connection, as one does that is going down, or that was told to. A running relay goes on by itself',
  ],
  ['57', 'its server is going down or starting. A running relay goes on by itself'],
  ['58', 'its server cannot use its disk. Look at its log'],
  ['XX', 'its server has met an error of its own or damaged data. Look at its log'],
  ['08', 'the connection to it broke. A running relay goes on by itself'],
  ['25006', 'it is read-only. Connect to the primary server'],
  ['28', 'it does not let the relay in. Check user and password of DATABASE_URL and pg_hba.conf'],
  ['3D000', 'it does not exist. Create it, or correct DATABASE_URL'],
  ['42501', 'the user of DATABASE_URL may not do that. Make that user the owner of the database'],
  ['40', 'another program stood in the way of a statement. Leave the database to the relay alone'],
  ['55', 'another program keeps a part of it locked. Leave the database to the relay alone'],
];

/** Clients are told of it without the name of its server, which is for the log. */
const NAMELESS = "The relay's database";

/** Of these the server ends the connection, or may as well have. */
const ENDING = ['57P', '08', 'XX', '25006'];

/** What the driver says when a server takes a connection or a statement and then says nothing. */
const SILENCE = ['Query read timeout', 'timeout expired', 'Connection terminated due to connection timeout'];
/** What it says when every connection is in use. */
const ALL_IN_USE = 'timeout exceeded when trying to connect';

/** A statement that the database refuses by its own rules. What the server says of it may hold values: they stay out. */
export class StatementError extends Error {
  /** SQLSTATE. */
  readonly code: string;

  constructor({ code = '', constraint, table }: pg.DatabaseError) {
    const where = constraint ?? table;
    super(`the database refused a statement (${code}${where === undefined ? '' : `, ${where}`})`);
    this.name = 'StatementError';
    this.code = code;
  }
}

/** Turns what the driver throws into a problem with advice, or a `StatementError`. */
export function toStoreError(error: unknown, database: string): Problem | StatementError {
  if (error instanceof Error && error.message === ALL_IN_USE) return tooSlow(database);
  if (!(error instanceof pg.DatabaseError)) return lostConnection(error, database);
  const { code = '' } = error;
  const advice = ADVICE.find(([prefix]) => code.startsWith(prefix))?.[1];
  if (advice === undefined) return new StatementError(error);
  const problem = new Problem('storage_failed', `${NAMELESS} cannot be used: ${advice} (${code}).`, {
    retryAfterMs: 1_000,
    cause: new Error(`the database ${database}`),
  });
  if (ENDING.some((prefix) => code.startsWith(prefix))) lost.add(problem);
  return problem;
}

/** Whether the server or the line to it is at fault, so that other writes would fail alike. */
export function isStorageFailure(error: unknown): boolean {
  return error instanceof Problem && error.code === 'storage_failed';
}

/** The same, met while the database was being opened; whoever starts the relay is told which it is. */
export function toOpeningError(error: unknown, database: string): unknown {
  if (!(error instanceof Problem) || error.code !== 'storage_failed') return error;
  return new Problem('database_unusable', error.message.replace(NAMELESS, `The database ${database}`));
}

/** Problems by which a connection came to its end. */
const lost = new WeakSet<Problem>();

/** Whether the connection that an error came from is of no use any more. */
export function isLostConnection(error: unknown): error is Problem {
  return error instanceof Problem && lost.has(error);
}

/** What those are told who have waited in line for as long as anybody does. */
export function tooSlow(database: string): Problem {
  const detail = `${NAMELESS} answers too slowly: what came before is not done yet. Look at the load of its server.`;
  return new Problem('storage_failed', detail, { retryAfterMs: 1_000, cause: new Error(`the database ${database}`) });
}

/** Problems of a server that took a connection or a statement and then said nothing. */
const silent = new WeakSet<Problem>();

/** Whether an error is about a server that says nothing: others that ask it would wait for as long. */
export function isSilent(error: unknown): error is Problem {
  return error instanceof Problem && silent.has(error);
}

function lostConnection(error: unknown, database: string): Problem {
  const { code, message } = error as NodeJS.ErrnoException;
  const isSilence = SILENCE.includes(message);
  const detail =
    `${NAMELESS} does not answer (${isSilence ? 'it says nothing' : (code ?? message)}). ` +
    'Look whether its server runs and can be reached; a running relay goes on by itself.';
  const problem = new Problem('storage_failed', detail, {
    retryAfterMs: 1_000,
    cause: new Error(`the database ${database}`),
  });
  lost.add(problem);
  if (isSilence) silent.add(problem);
  return problem;
}
