import { type TSchema, Type } from 'typebox';

/** Most optional parameters may be sent as `null`, which means the same as leaving them out. */
export const Nullable = <Schema extends TSchema>(schema: Schema) => Type.Union([schema, Type.Null()]);
export const Maybe = <Schema extends TSchema>(schema: Schema) => Type.Optional(Nullable(schema));
