import { type Box, boxAt, boxesOf, firstBox, viewOf } from './mp4-boxes.ts';
import type { Packets } from './packets.ts';

const NOTHING = new Uint8Array();

/** A list of numbers of four bytes behind `before` bytes of a box, as many as there really are. */
function numbersIn(box: Box | undefined, before: number): (index: number) => number | undefined {
  const view = viewOf(box?.body ?? NOTHING);
  return (index) => {
    const at = before + index * 4;
    return at + 4 <= view.byteLength ? view.getUint32(at) : undefined;
  };
}

/** Adds a packet if it lies in the file; false where it does not. */
function addAt(file: Uint8Array, at: number, size: number, packets: Packets): boolean {
  if (at < 0 || at + size > file.length) return false;
  packets.add(file.subarray(at, at + size));
  return true;
}

/** The packets that the one index names: chunks by their places, how many packets each has, and how large these are. */
export function addSamples(file: Uint8Array, table: Box | undefined, packets: Packets): void {
  const sizes = boxAt(table, 'stsz');
  const perChunk = numbersIn(boxAt(table, 'stsc'), 8);
  const placeOf = chunkPlaces(table);
  const oneSize = numbersIn(sizes, 4)(0) ?? 0;
  const count = numbersIn(sizes, 8)(0) ?? 0;
  const sizeOf = numbersIn(sizes, 12);
  let sample = 0;
  let run = 0;
  for (let chunk = 0; sample < count; chunk++) {
    let at = placeOf(chunk);
    // Runs of chunks with as many packets: the first chunk, counted from one, how many, and which description.
    if ((perChunk(run * 3 + 3) ?? Number.POSITIVE_INFINITY) <= chunk + 1) run += 1;
    const inChunk = perChunk(run * 3 + 1);
    if (at === undefined || inChunk === undefined) return;
    for (const end = Math.min(count, sample + inChunk); sample < end; sample++) {
      const size = oneSize === 0 ? sizeOf(sample) : oneSize;
      if (size === undefined || !addAt(file, at, size, packets)) return;
      at += size;
    }
  }
}

function chunkPlaces(table: Box | undefined): (chunk: number) => number | undefined {
  const short = boxAt(table, 'stco');
  if (short !== undefined) return numbersIn(short, 8);
  const halves = numbersIn(boxAt(table, 'co64'), 8);
  return (chunk) => {
    const [high, low] = [halves(chunk * 2), halves(chunk * 2 + 1)];
    return high === undefined || low === undefined ? undefined : high * 2 ** 32 + low;
  };
}

/** Which track is meant in fragments, and how large its packets are where they do not say. */
export type FragmentedTrack = { readonly id: number | undefined; readonly usualBytes: number };

export function fragmentedTrack(movie: Box, track: Box): FragmentedTrack {
  const id = trackIdOf(track);
  const extended = boxAt(movie, 'mvex')?.body ?? NOTHING;
  const usual = firstBox(extended, (box) => box.type === 'trex' && numbersIn(box, 4)(0) === id);
  return { id, usualBytes: numbersIn(usual, 4)(3) ?? 0 };
}

/** The packets of a fragment, which lie one behind the other from a place that it names. */
export function addFragment(file: Uint8Array, fragment: Box, track: FragmentedTrack, packets: Packets): void {
  for (const run of boxesOf(fragment.body)) {
    if (run.type !== 'traf') continue;
    const head = boxAt(run, 'tfhd')?.body ?? NOTHING;
    if (head.length < 8 || viewOf(head).getUint32(4) !== track.id) continue;
    const { base, usualBytes = track.usualBytes } = readFragmentHead(head, fragment.start);
    let at = base;
    for (const part of boxesOf(run.body)) {
      if (part.type === 'trun') at = addRun(file, part, { base, at, usualBytes }, packets);
    }
  }
}

function trackIdOf(track: Box): number | undefined {
  const head = boxAt(track, 'tkhd')?.body ?? NOTHING;
  const at = head[0] === 1 ? 20 : 12;
  return at + 4 <= head.length ? viewOf(head).getUint32(at) : undefined;
}

/** What a head may have, each where its bit says so, in this order; with their sizes. */
const HEAD_MEMBERS = [
  { flag: 0x01, bytes: 8 },
  { flag: 0x02, bytes: 4 },
  { flag: 0x08, bytes: 4 },
] as const;

function readFragmentHead(head: Uint8Array, fragmentStart: number): { base: number; usualBytes?: number } {
  const view = viewOf(head);
  const flags = view.getUint32(0);
  const base = flags & 0x01 && head.length >= 16 ? Number(view.getBigUint64(8)) : fragmentStart;
  const sizePlace = HEAD_MEMBERS.reduce((at, { flag, bytes }) => at + (flags & flag ? bytes : 0), 8);
  return flags & 0x10 && sizePlace + 4 <= head.length ? { base, usualBytes: view.getUint32(sizePlace) } : { base };
}

type Run = { readonly base: number; readonly at: number; readonly usualBytes: number };

/** Returns where the next run goes on that names no place of its own. */
function addRun(file: Uint8Array, { body }: Box, { base, at, usualBytes }: Run, packets: Packets): number {
  if (body.length < 8) return at;
  const view = viewOf(body);
  const flags = view.getUint32(0);
  const count = view.getUint32(4);
  let entry = 8;
  let place = at;
  if (flags & 0x01 && entry + 4 <= body.length) place = base + view.getInt32(entry);
  for (const flag of [0x01, 0x04]) if (flags & flag) entry += 4;
  // Of each packet: how long it lasts, its size, its flags, its shift in time.
  const members = [0x100, 0x200, 0x400, 0x800].filter((flag) => flags & flag);
  const sizePlace = members.indexOf(0x200) * 4;
  for (let index = 0; index < count; index++, entry += members.length * 4) {
    const hasEntry = entry + members.length * 4 <= body.length;
    const size = sizePlace < 0 ? usualBytes : hasEntry ? view.getUint32(entry + sizePlace) : 0;
    if (size === 0 || !addAt(file, place, size, packets)) return place;
    place += size;
  }
  return place;
}
