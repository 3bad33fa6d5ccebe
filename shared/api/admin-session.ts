import { type Static, Type } from 'typebox';
import { Nullable } from './nullable.ts';

/** Body of `POST /v1/admin/session`. */
export const SessionRequest = Type.Object(
  { token: Type.String({ minLength: 1, maxLength: 256, description: 'The admin token of the relay' }) },
  { additionalProperties: false, examples: [{ token: 'sw-admin-AbCdEf0123456789' }] },
);
export type SessionRequest = Static<typeof SessionRequest>;

/** An operator's session; what proves it is in a cookie that no script can read. */
export const OperatorSession = Type.Object({
  expires_at: Nullable(Type.Integer({ description: 'Milliseconds since 1970; null where there is no session' })),
});
export type OperatorSession = Static<typeof OperatorSession>;
