import { Type } from 'typebox';

/** Every error response: RFC 9457 members and OpenAI's `error` object. See `toErrorBody`. */
export const ErrorResponse = Type.Object({
  type: Type.String(),
  title: Type.String(),
  status: Type.Integer(),
  detail: Type.String(),
  code: Type.String(),
  request_id: Type.Optional(Type.String()),
  error: Type.Object({
    message: Type.String(),
    type: Type.String(),
    code: Type.String(),
    param: Type.Union([Type.String(), Type.Null()]),
  }),
});
