import { createHash } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import type { FileDepot, NewFile } from '../../files/file-depot.ts';
import type { ReceivedFile } from '../../files/receive-file.ts';
import { keyReused, stillInFlight } from '../../repeats/repeatable.ts';
import { type Maker, unlessMissing } from '../../repeats/repeats.ts';
import type { RelayServices } from '../../services.ts';
import type { FileRecord } from '../../store/file-store.ts';
import { readIdempotencyKey, repeatableOf } from '../http/idempotency-key.ts';

/** What takes one upload in, or compares it with that of an equal request that came before. */
export type UploadDesk = Pick<FileDepot, 'limits' | 'receive' | 'drop'> & {
  keep(received: ReceivedFile, file: NewFile): Promise<{ made: FileRecord; isNew: boolean }>;
};

/**
 * What is repeated is read and compared and not written: a file that fills the space of its key would else be refused when its
 * answer was lost.
 */
export async function openDesk(request: FastifyRequest, { files, repeats }: RelayServices): Promise<UploadDesk> {
  const { keyId: apiKeyId } = request.principal;
  const find = (id: string): Promise<FileRecord | undefined> =>
    unlessMissing(files.find(id, apiKeyId), 'file_not_found');
  const mark = await repeats.earlier({ apiKeyId, idempotencyKey: readIdempotencyKey(request) });
  const earlier = mark && (await find(mark.madeId));
  const { receive, drop } = earlier === undefined ? files : readingAlone(earlier);
  return {
    limits: files.limits,
    receive,
    drop,
    keep: async (received, file) => {
      let isTaken = false;
      const maker: Maker<FileRecord> = {
        prefix: 'file',
        find,
        make: async (fileId) => {
          // It was deleted while it was compared: sent again it is new.
          if (earlier !== undefined) throw stillInFlight();
          isTaken = true;
          return files.keep(received, { ...file, fileId });
        },
      };
      const { sha256, sizeBytes } = received;
      const asked = repeatableOf(request, {
        upload: { ...file, lifetimeMs: file.lifetimeMs ?? null, sha256, sizeBytes },
      });
      return repeats.once(asked, maker).finally(() => (isTaken ? undefined : drop(received)));
    },
  };
}

function readingAlone({ fileId, sizeBytes: mostBytes }: FileRecord): Pick<FileDepot, 'receive' | 'drop'> {
  return {
    receive: async (source, { apiKeyId }) => {
      const hash = createHash('sha256');
      let sizeBytes = 0;
      for await (const chunk of source) {
        hash.update(chunk);
        sizeBytes += chunk.length;
        if (sizeBytes > mostBytes) throw keyReused(`which made ${fileId}`);
      }
      return { path: '', apiKeyId, sha256: hash.digest('hex'), sizeBytes };
    },
    drop: async () => undefined,
  };
}
