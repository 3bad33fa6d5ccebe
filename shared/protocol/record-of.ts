import { type TSchema, Type } from 'typebox';

/**
 * An object whose names, at most `mostProperties` of them, have at most so many characters. Of a `maxLength` of its key
 * `Type.Record` makes nothing, and members whose name has a line end it leaves unread.
 */
export function recordOf<Schema extends TSchema>(mostCharacters: number, schema: Schema, mostProperties: number) {
  return Type.Record(Type.String({ pattern: `^[\\s\\S]{0,${mostCharacters}}$` }), schema, {
    maxProperties: mostProperties,
    additionalProperties: false,
  });
}
