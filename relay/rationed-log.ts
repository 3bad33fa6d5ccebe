import type { RelayLog } from './log.ts';

export type RationedLog = RelayLog & {
  /** Tells at once how much was left out. */
  close(): void;
};

export type RationedLogPorts = {
  log: RelayLog;
  /** Runs something after a while; returns how to have it not run. */
  later?: (run: () => void, ms: number) => () => void;
  /** How many kinds of lines are told apart within a minute. */
  mostKinds?: number;
};

type Level = 'info' | 'warn' | 'error';
type Kind = {
  level: Level;
  message: string;
  who: Record<string, unknown>;
  toldInFull: number;
  told: number;
  leftOut: number;
};

const MINUTE_MS = 60_000;
/** A line of 1 KB for each, and their counts: less than a gigabyte a day from strangers who do nothing else. */
const MOST_KINDS = 500;
/**
 * So many lines of a kind are told in full within a minute. Of what a node or an address does wrong the first says everything;
 * of all else each line matters as long as they are few, such as which webhook of a key did not answer.
 */
const TOLD_IN_FULL = { ofStranger: 1, other: 10 };
/** By these a line says whom it is about: a node, an address, or the account of a key. */
const WHO = ['node', 'from', 'key', 'code'] as const;

/**
 * The log of everything that strangers can cause as often as they like, so that none of them can fill the disk with it: of
 * lines that say the same of the same node, address or key, the first are told, and of the others their number, once a
 * minute.
 *
 * Invariants: (1) lines are of one kind when level, message and the fields of `WHO` agree; (2) each line is told or counted;
 * (3) of kinds that are about somebody at most `mostKinds` are known, and of what goes beyond them only the number is told, so that
 * no crowd hides what the relay says of itself; (4) a kind of which lines
 * were left out in a minute is only counted in the next one.
 */
export function createRationedLog({ log, later = onTimer, mostKinds = MOST_KINDS }: RationedLogPorts): RationedLog {
  const kinds = new Map<string, Kind>();
  let leftOut = 0;
  let unschedule: (() => void) | undefined;

  const kindOf = (level: Level, fields: Record<string, unknown>, message: string): Kind | undefined => {
    const who = Object.fromEntries(WHO.flatMap((name) => (fields[name] === undefined ? [] : [[name, fields[name]]])));
    const name = JSON.stringify([level, message, who]);
    const known = kinds.get(name);
    if (known !== undefined || (isOfSomebody(fields) && kinds.size >= mostKinds)) return known;
    const kind = { level, message, who, toldInFull: toldInFull(level, fields), told: 0, leftOut: 0 };
    kinds.set(name, kind);
    return kind;
  };
  const tell = (level: Level, fields: Record<string, unknown>, message: string): void => {
    unschedule ??= later(endMinute, MINUTE_MS);
    const kind = kindOf(level, fields, message);
    if (kind === undefined) leftOut += 1;
    else if (kind.told >= kind.toldInFull) kind.leftOut += 1;
    else {
      kind.told += 1;
      log[level](fields, message);
    }
  };
  const tellCounts = (): void => {
    for (const [name, kind] of kinds) {
      if (kind.leftOut === 0) kinds.delete(name);
      else log[kind.level]({ ...kind.who, times: kind.leftOut }, `${kind.message} (again, within the last minute)`);
      kind.told = kind.toldInFull;
      kind.leftOut = 0;
    }
    if (leftOut > 0) log.warn({ times: leftOut }, 'lines of further kinds were left out within the last minute');
    leftOut = 0;
  };
  const endMinute = (): void => {
    unschedule = undefined;
    tellCounts();
    if (kinds.size > 0) unschedule = later(endMinute, MINUTE_MS);
  };
  return {
    debug: (fields, message) => log.debug(fields, message),
    info: (fields, message) => tell('info', fields, message),
    warn: (fields, message) => tell('warn', fields, message),
    error: (fields, message) => tell('error', fields, message),
    close: () => {
      unschedule?.();
      unschedule = undefined;
      tellCounts();
    },
  };
}

function isOfSomebody({ node, from, key }: Record<string, unknown>): boolean {
  return node !== undefined || from !== undefined || key !== undefined;
}

function toldInFull(level: Level, { node, from }: Record<string, unknown>): number {
  const isOfStranger = level === 'warn' && (node !== undefined || from !== undefined);
  return isOfStranger ? TOLD_IN_FULL.ofStranger : TOLD_IN_FULL.other;
}

function onTimer(run: () => void, ms: number): () => void {
  const timer = setTimeout(run, ms).unref();
  return () => clearTimeout(timer);
}
