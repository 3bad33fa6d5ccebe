import type { FileObject } from '../../../shared/api/files.ts';
import type { FileRecord } from '../../store/file-store.ts';

export function fileView(record: FileRecord): FileObject {
  const { fileId, sizeBytes, createdAt, expiresAt, filename, purpose, sha256, mediaType, jobId } = record;
  return {
    id: fileId,
    object: 'file',
    bytes: sizeBytes,
    created_at: Math.floor(createdAt / 1_000),
    expires_at: Math.floor(expiresAt / 1_000),
    filename,
    purpose,
    status: 'processed',
    sha256,
    media_type: mediaType,
    job_id: jobId,
  };
}
