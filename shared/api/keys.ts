import { type Static, Type } from 'typebox';
import { BUDGET_DURATION } from '../credits/budget-period.ts';
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
const MOST_MICRO = 1_000_000_000_000_000;
const Time = Type.Integer({ description: 'Milliseconds since 1970' });
/** None that no calendar has, and no database can keep. */
const End = Type.Integer({ maximum: 8_640_000_000_000_000, description: 'Milliseconds since 1970' });

/** Of a key and of those that replace it; null is no limit. */
const ACCOUNT_LIMITS = {
  requests_per_minute: Maybe(PerMinute),
  tokens_per_minute: Maybe(PerMinute),
  max_parallel_requests: Maybe(
    Type.Integer({
      minimum: 1,
      maximum: 1_000_000,
      description:
        'How many requests and runs of its jobs may be under way at once: further requests get 429, jobs wait',
    }),
  ),
  credit_limit_micro: Maybe(
    Type.Integer({
      minimum: 0,
      maximum: MOST_MICRO,
      description: 'How many millionths of a credit it may owe; 0 for a key that is paid for in advance',
    }),
  ),
  budget_micro: Maybe(
    Type.Integer({
      minimum: 0,
      maximum: MOST_MICRO,
      description:
        'How many millionths of a credit it may spend in each period, or ever where there is no budget_duration',
    }),
  ),
  budget_duration: Maybe(
    Type.String({
      pattern: BUDGET_DURATION,
      description:
        'How long a period is, as 30s, 30m, 12h, 1d, 1w or 1mo. Periods follow the calendar of UTC: days begin at midnight, ' +
        'weeks on Monday, months on the first; longer ones are counted from 1970',
    }),
  ),
  soft_budget_micro: Maybe(
    Type.Integer({
      minimum: 0,
      maximum: MOST_MICRO,
      description: 'From where on the operator is told, once in a period; nothing is refused',
    }),
  ),
};

/** Body of `POST /v1/admin/keys`. Without a limit there is none. */
export const CreateKeyRequest = Type.Object(
  {
    name: Name,
    description: Maybe(Description),
    scopes: Maybe(ChosenScopes),
    models: Maybe(Models),
    ...ACCOUNT_LIMITS,
    hmac: Maybe(Type.Boolean({ description: 'Whether each request must be signed; the answer brings the secret' })),
    expires_at: Maybe(End),
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

/** Body of `PATCH /v1/admin/keys/{id}`: what is left out stays, null takes a limit away. */
export const ChangeKeyRequest = Type.Object(
  {
    name: Type.Optional(Name),
    description: Maybe(Description),
    scopes: Maybe(ChosenScopes),
    models: Maybe(Models),
    ...ACCOUNT_LIMITS,
    expires_at: Maybe(End),
  },
  {
    additionalProperties: false,
    minProperties: 1,
    examples: [{ max_parallel_requests: 4, budget_micro: 5_000_000, budget_duration: '1mo', tokens_per_minute: null }],
  },
);
export type ChangeKeyRequest = Static<typeof ChangeKeyRequest>;

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

const Left = Nullable(Type.Integer());

/** What the account of a key has used and has left, by the counts that refuse; null where nothing is limited. */
export const KeyStanding = Type.Object({
  requests_left: Left,
  tokens_left: Left,
  running_requests: Nullable(Type.Integer({ description: 'Under way now, with the runs of its jobs' })),
  credits_left_micro: Left,
  budget_spent_micro: Nullable(Type.Integer({ description: 'In this period, as the ledger has it' })),
  budget_held_micro: Nullable(Type.Integer({ description: 'For work under way' })),
  budget_left_micro: Left,
  budget_renews_at: Nullable(Time),
  soft_budget_reached: Type.Boolean(),
});
export type KeyStanding = Static<typeof KeyStanding>;

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
  max_parallel_requests: Nullable(Type.Integer()),
  credit_limit_micro: Nullable(Type.Integer()),
  budget_micro: Nullable(Type.Integer()),
  budget_duration: Nullable(Type.String()),
  soft_budget_micro: Nullable(Type.Integer()),
  standing: KeyStanding,
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
