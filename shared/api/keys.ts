import { type Static, Type } from 'typebox';
import { PLAIN_TEXT } from '../protocol/plain-text.ts';
import { Maybe, Nullable } from './nullable.ts';

/** What a key may do, in the order in which it is shown. */
export const KEY_SCOPES = ['inference', 'jobs', 'files', 'receipts', 'usage', 'catalog'] as const;
export type KeyScope = (typeof KEY_SCOPES)[number];

/** Each scope in words, for whoever chooses. */
export const SCOPE_MEANINGS: Readonly<Record<KeyScope, string>> = {
  inference: 'ask models, services and nodes, and wait for the answer',
  jobs: 'submit jobs, follow them, fetch their results, cancel them',
  files: 'upload, read and delete its files',
  receipts: 'read receipts of its jobs, and the log with its proofs',
  usage: 'read what it has used and the credits it has left',
  catalog: 'see which models, services and nodes there are',
};

const Scopes = Type.Array(Type.Enum([...KEY_SCOPES]), {
  maxItems: KEY_SCOPES.length,
  uniqueItems: true,
  description: `What the key may do. ${KEY_SCOPES.map((scope) => `${scope}: ${SCOPE_MEANINGS[scope]}.`).join(' ')}`,
});
/** Everything where it is left out. */
const ChosenScopes = Type.Array(Type.Enum([...KEY_SCOPES]), {
  minItems: 1,
  maxItems: KEY_SCOPES.length,
  uniqueItems: true,
  description: 'What the key may do; everything by default',
});
const Name = Type.String({ minLength: 1, maxLength: 64, description: 'What people call the key' });
const Description = Type.String({
  minLength: 1,
  maxLength: 500,
  pattern: PLAIN_TEXT,
  description: 'What the key is for, or whom to ask about it; on one line',
});
const Models = Type.Array(Type.String({ minLength: 1, maxLength: 256 }), {
  minItems: 1,
  maxItems: 100,
  description: 'The only models the key may ask for',
});
const PerMinute = Type.Integer({ minimum: 1, maximum: 1_000_000_000 });
const Time = Type.Integer({ description: 'Milliseconds since 1970' });

/** Body of `POST /v1/admin/keys`. Without a limit there is none. */
export const CreateKeyRequest = Type.Object(
  {
    name: Name,
    description: Maybe(Description),
    scopes: Maybe(ChosenScopes),
    models: Maybe(Models),
    requests_per_minute: Maybe(PerMinute),
    tokens_per_minute: Maybe(PerMinute),
    credit_limit_micro: Maybe(
      Type.Integer({
        minimum: 0,
        maximum: 1_000_000_000_000_000,
        description: 'How many millionths of a credit it may owe; 0 for a key that is paid for in advance',
      }),
    ),
    hmac: Maybe(Type.Boolean({ description: 'Whether each request must be signed; the answer brings the secret' })),
    expires_at: Maybe(Time),
  },
  {
    additionalProperties: false,
    examples: [
      {
        name: 'the bot of the forum',
        description: 'answers in the help section; ask Jo',
        scopes: ['inference', 'catalog'],
        models: ['sparewatt/demo-chat'],
        requests_per_minute: 60,
      },
    ],
  },
);
export type CreateKeyRequest = Static<typeof CreateKeyRequest>;

/** Body of `POST /v1/admin/keys/{id}/rotate`. */
export const RotateKeyRequest = Type.Object(
  {
    overlap_s: Maybe(
      Type.Integer({
        minimum: 0,
        maximum: 2_592_000,
        description: 'How long the old key still works; a day by default',
      }),
    ),
    hmac: Maybe(Type.Boolean({ description: 'Whether requests of the new key must be signed; as those of the old' })),
  },
  { additionalProperties: false, examples: [{ overlap_s: 3600 }] },
);
export type RotateKeyRequest = Static<typeof RotateKeyRequest>;

/** A key as its operator sees it, without the key. */
export const ApiKey = Type.Object({
  id: Type.String(),
  account_id: Type.String({
    description: 'Under which its jobs, files, usage and credits are: its own id, or that of the key it replaced',
  }),
  prefix: Nullable(Type.String({ description: 'How the key begins; null for one of an earlier version' })),
  name: Type.String(),
  description: Nullable(Type.String()),
  state: Type.Union([Type.Literal('active'), Type.Literal('expired'), Type.Literal('revoked')]),
  scopes: Scopes,
  models: Nullable(Type.Array(Type.String())),
  requests_per_minute: Nullable(Type.Integer()),
  tokens_per_minute: Nullable(Type.Integer()),
  credit_limit_micro: Nullable(Type.Integer()),
  hmac: Type.Boolean({ description: 'Whether each request must be signed' }),
  created_at: Time,
  expires_at: Nullable(Time),
  revoked_at: Nullable(Time),
  last_used_at: Nullable(Time),
});
export type ApiKey = Static<typeof ApiKey>;

export const ApiKeyList = Type.Object({ data: Type.Array(ApiKey), next: Type.Null() });
export type ApiKeyList = Static<typeof ApiKeyList>;

/** A key that was revoked. */
export const RevokedKey = Type.Object({
  ...ApiKey.properties,
  cancelled_jobs: Type.Integer({ description: 'Jobs that had not ended; none while another key of the account works' }),
});
export type RevokedKey = Static<typeof RevokedKey>;

/** The only answer that shows the key itself. */
export const CreatedKey = Type.Object({
  ...ApiKey.properties,
  key: Type.String({ description: 'Shown this once' }),
  signing_secret: Type.Optional(Type.String({ description: 'What requests are signed with; shown this once' })),
});
export type CreatedKey = Static<typeof CreatedKey>;
