import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { FileRecord } from '../../../relay/store/file-store.ts';
import type { StorePlace } from './store-contract.ts';

function fileRecord(fileId: string, more: Partial<FileRecord> = {}): FileRecord {
  return {
    fileId,
    apiKeyId: 'key_a',
    sha256: 'a'.repeat(64),
    sizeBytes: 10,
    filename: 'ünï.wav',
    mediaType: 'audio/wav',
    purpose: 'user_data',
    jobId: null,
    createdAt: 1_000,
    expiresAt: 9_000,
    ...more,
  };
}

/** Tells what every store owes for files. */
export function describeFileContract(name: string, makePlace: (t: TestContext) => Promise<StorePlace>): void {
  test(`${name}: keeps files across a crash and gives each back as it was`, async (t) => {
    const place = await makePlace(t);
    const { files } = await place.open();
    const record = fileRecord('file_1', { jobId: 'job_1' });
    await files.addFile(record);
    await assert.rejects(files.addFile(record));
    const after = await (await place.afterCrash()).open();
    assert.deepEqual(await after.files.findFile('file_1'), record);
    assert.equal(await after.files.findFile('file_2'), undefined);
  });

  test(`${name}: lists the files of one key that have not expired, in either order, page by page`, async (t) => {
    const { files } = await (await makePlace(t)).open();
    for (const number of [1, 2, 3, 4]) await files.addFile(fileRecord(`file_${number}`));
    await files.addFile(fileRecord('file_5', { apiKeyId: 'key_b' }));
    await files.addFile(fileRecord('file_6', { expiresAt: 2_000 }));
    await files.addFile(fileRecord('file_7', { purpose: 'batch' }));
    const ids = async (more: object): Promise<string[]> => {
      const found = await files.listFiles({ apiKeyId: 'key_a', now: 2_000, limit: 2, purpose: 'user_data', ...more });
      return found.map(({ fileId }) => fileId);
    };
    assert.deepEqual(
      await ids({}),
      ['file_4', 'file_3', 'file_2'],
      'one more than asked for tells that there are more',
    );
    assert.deepEqual(await ids({ after: 'file_3' }), ['file_2', 'file_1']);
    assert.deepEqual(await ids({ oldestFirst: true, after: 'file_1', limit: 1 }), ['file_2', 'file_3']);
    assert.deepEqual(await ids({ purpose: undefined, limit: 1 }), ['file_7', 'file_4']);
  });

  test(`${name}: tells with each removal whether others share the content`, async (t) => {
    const { files } = await (await makePlace(t)).open();
    await files.addFile(fileRecord('file_1'));
    await files.addFile(fileRecord('file_2', { apiKeyId: 'key_b' }));
    await files.addFile(fileRecord('file_3', { sha256: 'b'.repeat(64), sizeBytes: 5 }));
    assert.deepEqual(await files.fileUsage(), {
      keys: [
        { apiKeyId: 'key_a', files: 2, sizeBytes: 15 },
        { apiKeyId: 'key_b', files: 1, sizeBytes: 10 },
      ],
      contents: [
        { sha256: 'a'.repeat(64), sizeBytes: 10 },
        { sha256: 'b'.repeat(64), sizeBytes: 5 },
      ],
    });
    assert.deepEqual(await files.removeFile('file_1'), { isShared: true });
    assert.deepEqual(await files.removeFile('file_2'), { isShared: false });
    assert.equal(await files.removeFile('file_2'), undefined);
  });

  test(`${name}: lets a file live longer and never shorter, and lists what is over`, async (t) => {
    const { files } = await (await makePlace(t)).open();
    await files.addFile(fileRecord('file_1'));
    await files.addFile(fileRecord('file_2', { expiresAt: 3_000 }));
    assert.equal(await files.prolongFile('file_1', 12_000), true);
    assert.equal(await files.prolongFile('file_1', 4_000), true);
    assert.equal(await files.prolongFile('file_9', 4_000), false);
    const over = async (now: number) => (await files.listExpiredFiles(now, 9)).map(({ fileId }) => fileId);
    assert.deepEqual(await over(2_999), []);
    assert.deepEqual(await over(11_999), ['file_2']);
    assert.deepEqual(await over(12_000), ['file_2', 'file_1']);
    // Of those that are over at once the oldest is first, whichever was changed last.
    await files.addFile(fileRecord('file_0', { expiresAt: 12_000 }));
    await files.addFile(fileRecord('file_3', { expiresAt: 12_000 }));
    await files.prolongFile('file_0', 12_000);
    assert.deepEqual(await over(12_000), ['file_2', 'file_0', 'file_1', 'file_3']);
    assert.equal((await files.listExpiredFiles(12_000, 3)).length, 3);
  });
}
