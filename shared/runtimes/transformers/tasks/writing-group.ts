import type { ReadRows, RowPasses, WritingGraph } from './writing-graph.ts';

/** Runs one pass when it is its turn. */
export type RunPass = <Result>(pass: () => Promise<Result>) => Promise<Result>;

/** A row's way into its passes; `leave` tells that it asks for no more. */
export type GroupMember = RowPasses & { leave(): void };

type Asked = {
  readonly tokens: readonly number[];
  answer(scores: Float32Array | null): void;
  fail(error: unknown): void;
};
type Member = { group: Group; asked: Asked | null };
type AskedBy = ReadonlyMap<Member | null, Asked>;
/** Row r of `rows` is that of the member at place r; `null` for one that has left. */
type Group = { members: (Member | null)[]; rows: ReadRows | null };

/**
 * Rows that are written side by side: all ask, one pass answers all, and so on until the last has left.
 *
 * 1. A pass runs once every member has asked or left, and nobody asks or leaves while it runs.
 * 2. Who has left is in no further pass, but where the graph's caches cannot be taken apart.
 * 3. A pass that fails is repeated for each member alone, and from then on each goes on alone: no row takes another with it.
 */
export function createWritingGroup(
  graph: WritingGraph,
  count: number,
  { mayPad, run }: { mayPad: boolean; run: RunPass },
): GroupMember[] {
  function step(group: Group): void {
    const present = group.members.filter((member) => member !== null);
    if (present.length === 0 && group.rows !== null) graph.drop(group.rows);
    const askedBy = new Map<Member | null, Asked>();
    for (const member of present) if (member.asked !== null) askedBy.set(member, member.asked);
    if (present.length === 0 || askedBy.size < present.length) return;
    for (const member of present) member.asked = null;
    pass(group, askedBy).catch((error: unknown) => repeat(group, askedBy, error));
  }

  async function pass(group: Group, askedBy: AskedBy): Promise<void> {
    closeUp(graph, group);
    const asked = group.members.map((member) => askedBy.get(member) ?? null);
    const tokens = asked.map((one) => one?.tokens ?? []);
    const { rows } = group;
    if (rows !== null) {
      const written = await run(() =>
        graph.write(
          rows,
          tokens.map(([token]) => token ?? 0),
        ),
      );
      group.rows = written.rows;
      for (const [row, one] of asked.entries()) one?.answer(written.scores(row));
      return;
    }
    const alike = mayPad ? [] : placesByLength(tokens);
    if (alike.length > 1) return split(group, alike, askedBy);
    group.rows = await run(() => graph.read(tokens));
    for (const one of asked) one?.answer(null);
  }

  function repeat(group: Group, askedBy: AskedBy, error: unknown): void {
    const { members, rows } = group;
    try {
      if (askedBy.size === 1 || (rows !== null && !graph.canPick(rows))) throw error;
      split(
        group,
        [...members.keys()].map((place) => [place]),
        askedBy,
      );
    } catch (reason) {
      for (const { fail } of askedBy.values()) fail(reason);
    }
  }

  /** Parts that go on by themselves, each with what it has and what it asks for. */
  function split({ rows, members }: Group, parts: readonly number[][], askedBy: AskedBy): void {
    const groups = parts.map((places): Group => {
      const own = places.map((place) => members[place] ?? null);
      return { members: own, rows: rows === null ? null : graph.pick(rows, places) };
    });
    for (const group of groups) {
      for (const member of group.members) {
        if (member !== null) Object.assign(member, { group, asked: askedBy.get(member) ?? null });
      }
      step(group);
    }
  }

  const group: Group = { members: [], rows: null };
  const ask = (member: Member, tokens: readonly number[]): Promise<Float32Array | null> =>
    new Promise((answer, fail) => {
      member.asked = { tokens, answer, fail };
      step(member.group);
    });
  const members = Array.from({ length: count }, (): Member => ({ group, asked: null }));
  group.members.push(...members);
  return members.map((member) => ({
    read: async (source) => void (await ask(member, source)),
    write: async (token) => (await ask(member, [token])) ?? new Float32Array(0),
    leave() {
      const { group } = member;
      group.members = group.members.map((other) => (other === member ? null : other));
      step(group);
    },
  }));
}

/** Goes on without those that have left, as far as the graph allows it. */
function closeUp(graph: WritingGraph, group: Group): void {
  const { members, rows } = group;
  const places = [...members.keys()].filter((place) => members[place] !== null);
  if (places.length === members.length || (rows !== null && !graph.canPick(rows))) return;
  if (rows !== null) group.rows = graph.pick(rows, places);
  group.members = places.map((place) => members[place] ?? null);
}

function placesByLength(rows: readonly (readonly number[])[]): number[][] {
  const places = new Map<number, number[]>();
  for (const [place, { length }] of rows.entries()) places.set(length, [...(places.get(length) ?? []), place]);
  return [...places.values()];
}
