/** A file as a key sees it; its content lies in the data folder under its digest. Times in milliseconds since 1970. */
export type FileRecord = {
  fileId: string;
  apiKeyId: string;
  /** SHA-256 of the content, hex. */
  sha256: string;
  sizeBytes: number;
  /** What its client calls it: a text, never a path. */
  filename: string;
  mediaType: string;
  purpose: string;
  /** The job that made it; null for one that was uploaded. */
  jobId: string | null;
  createdAt: number;
  expiresAt: number;
};

export type FileQuery = {
  apiKeyId: string;
  /** Of those that expire after this. */
  now: number;
  limit: number;
  after?: string | undefined;
  purpose?: string | undefined;
  oldestFirst?: boolean | undefined;
};

export type FileUsage = {
  keys: { apiKeyId: string; files: number; sizeBytes: number }[];
  /** Each content once, however many files have it. */
  contents: { sha256: string; sizeBytes: number }[];
};

export interface FileStore {
  addFile(record: FileRecord): Promise<void>;
  findFile(fileId: string): Promise<FileRecord | undefined>;
  /** One more than there are on the page, if there are more. */
  listFiles(query: FileQuery): Promise<FileRecord[]>;
  /** Resolves with whether other files have the same content; undefined when there is no such file. */
  removeFile(fileId: string): Promise<{ isShared: boolean } | undefined>;
  /** Lets a file live at least until then. False when there is none. */
  prolongFile(fileId: string, expiresAt: number): Promise<boolean>;
  /** First those that have been over longest. */
  listExpiredFiles(now: number, limit: number): Promise<FileRecord[]>;
  fileUsage(): Promise<FileUsage>;
}
