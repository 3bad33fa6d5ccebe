import { type Static, Type } from 'typebox';
import { Nullable } from './nullable.ts';

const Seconds = (description: string) =>
  Type.Integer({ minimum: 0, description: `${description}, seconds since 1970` });

/** A file as OpenAI's clients know it, with what Sparewatt adds: the digest, the form and the job that made it. */
export const FileObject = Type.Object({
  id: Type.String(),
  object: Type.Literal('file'),
  bytes: Type.Integer({ minimum: 0 }),
  created_at: Seconds('When it came'),
  expires_at: Seconds('When it is deleted'),
  filename: Type.String(),
  purpose: Type.String(),
  status: Type.Literal('processed'),
  sha256: Type.String({ description: 'SHA-256 of its content, hex' }),
  media_type: Type.String(),
  job_id: Nullable(Type.String({ description: 'The job that made it' })),
});
export type FileObject = Static<typeof FileObject>;

export const FilePage = Type.Object({
  object: Type.Literal('list'),
  data: Type.Array(FileObject),
  first_id: Nullable(Type.String()),
  last_id: Nullable(Type.String()),
  has_more: Type.Boolean(),
  next: Nullable(Type.String({ description: 'Pass as `after` for the next page; null on the last' })),
});
export type FilePage = Static<typeof FilePage>;

export const FilePageQuery = Type.Object(
  {
    after: Type.Optional(Type.String({ maxLength: 64 })),
    limit: Type.Optional(Type.String({ pattern: '^[0-9]{1,5}$', description: '1 to 10000, 100 when absent' })),
    order: Type.Optional(
      Type.Enum(['asc', 'desc'], { description: 'By when they came; the newest first when absent' }),
    ),
    purpose: Type.Optional(Type.String({ maxLength: 64 })),
  },
  { additionalProperties: false },
);
export type FilePageQuery = Static<typeof FilePageQuery>;

export const FileDeleted = Type.Object({
  id: Type.String(),
  object: Type.Literal('file'),
  deleted: Type.Literal(true),
});
export type FileDeleted = Static<typeof FileDeleted>;

/** Beside the file of a form; beside a file that is sent as the body itself, in the address. */
export const FILE_PURPOSE = '^[a-z0-9_-]{1,64}$';

export const FileForm = Type.Object(
  {
    file: Type.String({ contentMediaType: 'application/octet-stream', description: 'The file, with its name' }),
    purpose: Type.Optional(
      Type.String({ pattern: FILE_PURPOSE, description: 'What it is for, user_data when absent' }),
    ),
    'expires_after[anchor]': Type.Optional(Type.Literal('created_at')),
    'expires_after[seconds]': Type.Optional(Type.String({ description: 'How long it is kept: 60 to 2592000' })),
  },
  { examples: [{ file: 'RIFF…', purpose: 'user_data', 'expires_after[seconds]': '3600' }] },
);

export const RawFile = Type.String({
  description: 'The file itself; filename, purpose and expires_after_s stand in the address',
  examples: ['RIFF…'],
});

export const FileUploadQuery = Type.Object(
  {
    filename: Type.Optional(Type.String({ minLength: 1, maxLength: 255, description: 'Of a file sent as the body' })),
    purpose: Type.Optional(Type.String({ pattern: FILE_PURPOSE })),
    expires_after_s: Type.Optional(Type.String({ pattern: '^[0-9]{1,8}$', description: 'How long it is kept' })),
  },
  { additionalProperties: false },
);
export type FileUploadQuery = Static<typeof FileUploadQuery>;

/** What a node is told of a file that it has handed over as a part of its job's output. */
export const JobFileKept = Type.Object({
  file_id: Type.String(),
  sha256: Type.String(),
  bytes: Type.Integer({ minimum: 0 }),
});
export type JobFileKept = Static<typeof JobFileKept>;
