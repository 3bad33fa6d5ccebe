/** One step of the schema. Ids leave gaps; once released, the text of a step never changes. */
export type Migration = { readonly id: number; readonly name: string; readonly sql: string };
