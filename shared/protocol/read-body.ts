import { joinBytes } from './join-bytes.ts';

/**
 * The whole of an HTTP body that has at most `mostBytes`; undefined, and the rest is not fetched, once it has more: what
 * goes on without an end must not fill the memory of whoever reads it. Rejects as the stream does.
 */
export async function readAtMost(
  body: ReadableStream<Uint8Array> | null,
  mostBytes: number,
): Promise<Uint8Array | undefined> {
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  const reader = body?.getReader();
  for (let read = await reader?.read(); read?.done === false; read = await reader?.read()) {
    sizeBytes += read.value.length;
    if (sizeBytes > mostBytes) {
      await reader?.cancel();
      return undefined;
    }
    chunks.push(read.value);
  }
  return joinBytes(chunks);
}
