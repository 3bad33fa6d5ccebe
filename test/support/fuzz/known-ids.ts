import { KNOWN_ID } from './hostile-values.ts';

/** What the relay has told of, so that later requests can name it. */
export type KnownIds = {
  /** From an answer of this address. */
  learn(path: string, text: string): void;
  /** Puts what is known where `knownId` stands. */
  fill(text: string): string;
  minerToken(pick: number): string;
};

const KEPT = 64;
const ID = /"(?:id|nodeId|job_id)":"([\w-]{1,64})"/g;
const TOKEN = /"token":"([^"]+)"/g;
const BY_PREFIX: Record<string, string> = { job: 'jobs', rcpt: 'receipts', key: 'keys', stl: 'settlements' };
const BY_PATH = [
  'files',
  'nodes',
  'miners',
  'tasks',
  'pairing-codes',
  'services',
  'settlements',
  'keys',
  'receipts',
  'jobs',
];

/** What the ids of an address are ids of. */
export function kindAt(path: string): string {
  const kind = BY_PATH.find((name) => path.includes(`/${name}`)) ?? 'jobs';
  return kind === 'miners' ? 'nodes' : kind;
}

/** `spared` are names that no request may reach, or the fuzzing would end itself. */
export function createKnownIds(spared: readonly string[]): KnownIds {
  const ids = new Map<string, string[]>();
  const keep = (kind: string, id: string): void => {
    if (spared.includes(id) || id === 'undefined') return;
    const known = ids.get(kind) ?? [];
    ids.set(kind, known);
    if (known.includes(id)) return;
    known.push(id);
    if (known.length > KEPT) known.shift();
  };
  const pickOf = (kind: string, pick: number): string => {
    const known = ids.get(kind) ?? [];
    return known[pick % Math.max(1, known.length)] ?? 'none';
  };
  return {
    learn: (path, text) => {
      for (const [, id = ''] of text.matchAll(ID)) keep(BY_PREFIX[id.split('_', 1)[0] ?? ''] ?? kindAt(path), id);
      for (const [, token = ''] of text.matchAll(TOKEN)) keep('token', token);
    },
    fill: (text) => text.replace(KNOWN_ID, (_all, kind: string, pick: string) => pickOf(kind, Number(pick))),
    minerToken: (pick) => pickOf('token', pick),
  };
}
