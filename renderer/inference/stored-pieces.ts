/**
 * Files of models in this browser: content by its digest, in pieces of Cache Storage.
 *
 * 1. A piece is put down in one step: of one that a closing tab was about to write there is nothing.
 * 2. Pieces count as far as they follow each other from the first byte, and as they are of one version (`tag`) of the file.
 * 3. That they make up the file is known when all are there: whoever reads them checks the whole.
 */
import { Problem } from '../../shared/problems/problem.ts';
import type { FileDigest } from './model-digests.ts';

export const CACHE = 'sparewatt-models';
/** Caches take addresses of HTTP alone, and an app's pages have a scheme of their own. Nobody is asked at this one. */
export const NOBODY = 'https://models.invalid';
/** What a closed tab can lose of a download, and what one step holds in memory. */
export const PIECE_BYTES = 4 * 1024 * 1024;

type Piece = { key: Request; from: number; to: number; tag: string };

export type StoredPieces = {
  sizeBytes(): number;
  /** The version that the source named; empty where it names none, or before the first piece. */
  tag(): string;
  /** Errors: `browser_storage_full`. */
  append(bytes: Uint8Array<ArrayBuffer>, tag: string): Promise<void>;
  read(): Promise<Uint8Array<ArrayBuffer>>;
  clear(): Promise<void>;
};

export async function openPieces({ sha256 }: Pick<FileDigest, 'sha256'>): Promise<StoredPieces> {
  const cache = await caches.open(CACHE);
  let pieces = await readPieces(cache, sha256);
  const sizeBytes = (): number => pieces.at(-1)?.to ?? 0;
  return {
    sizeBytes,
    tag: () => pieces[0]?.tag ?? '',
    async append(bytes, tag) {
      const [from, to] = [sizeBytes(), sizeBytes() + bytes.length];
      const key = new Request(`${addressOf(sha256)}?${new URLSearchParams({ from: `${from}`, to: `${to}`, tag })}`);
      await put(cache, key, new Response(bytes));
      pieces.push({ key, from, to, tag });
    },
    read: () => readAll(cache, pieces, sizeBytes()),
    async clear() {
      pieces = [];
      await forgetContent(sha256);
    },
  };
}

/** Takes all pieces of a file away. */
export async function forgetContent(sha256: string): Promise<void> {
  await (await caches.open(CACHE)).delete(addressOf(sha256), { ignoreSearch: true });
}

/** Bytes of each content that is here, whole or in part, by its digest. */
export async function storedContents(): Promise<Map<string, number>> {
  const sizes = new Map<string, number>();
  for (const { url } of await (await caches.open(CACHE)).keys()) {
    const { pathname, searchParams } = new URL(url);
    const [from, to] = [Number(searchParams.get('from')), Number(searchParams.get('to'))];
    if (to > from) sizes.set(pathname.slice(1), (sizes.get(pathname.slice(1)) ?? 0) + to - from);
  }
  return sizes;
}

/** Errors: `browser_storage_full`. */
export async function put(cache: Cache, key: Request | string, response: Response): Promise<void> {
  try {
    await cache.put(key, response);
  } catch (cause) {
    if ((cause as Error).name !== 'QuotaExceededError') throw cause;
    throw new Problem(
      'browser_storage_full',
      'This browser gives the page no more room. What came is kept; free some of the disk, or remove a model.',
      { cause },
    );
  }
}

function addressOf(sha256: string): string {
  return `${NOBODY}/${sha256}`;
}

async function readPieces(cache: Cache, sha256: string): Promise<Piece[]> {
  const keys = await cache.keys(addressOf(sha256), { ignoreSearch: true });
  const found = keys.map((key): Piece => {
    const { searchParams } = new URL(key.url);
    const number = (name: string): number => Number(searchParams.get(name));
    return { key, from: number('from'), to: number('to'), tag: searchParams.get('tag') ?? '' };
  });
  const pieces: Piece[] = [];
  for (const piece of found.sort((a, b) => a.from - b.from)) {
    const isNext = piece.from === (pieces.at(-1)?.to ?? 0) && piece.to > piece.from;
    if (isNext && piece.tag === (pieces[0] ?? piece).tag) pieces.push(piece);
    else await cache.delete(piece.key);
  }
  return pieces;
}

async function readAll(cache: Cache, pieces: readonly Piece[], sizeBytes: number): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(sizeBytes);
  for (const { key, from, to } of pieces) {
    const piece = new Uint8Array((await (await cache.match(key))?.arrayBuffer()) ?? []);
    // One of another length is damaged: what is left at zero cannot have the digest.
    if (piece.length === to - from) bytes.set(piece, from);
  }
  return bytes;
}
