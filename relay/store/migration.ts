import { createHash } from 'node:crypto';

/** One step of the schema. Ids leave gaps; once released, the text of a step never changes. */
export type Migration = { readonly id: number; readonly name: string; readonly sql: string };

/** A step as a database remembers it. */
export type AppliedMigration = { id: number; name: string; checksum: string };

export function checksumOf(step: Migration): string {
  return createHash('sha256').update(step.sql).digest('hex');
}

function labelOf({ id, name }: Pick<Migration, 'id' | 'name'>): string {
  return `${String(id).padStart(4, '0')}-${name}`;
}

/** Those that are still to be applied. */
export function missingIn(applied: readonly AppliedMigration[], migrations: readonly Migration[]): Migration[] {
  const done = new Set(applied.map(({ id }) => id));
  return migrations.filter(({ id }) => !done.has(id));
}

/** Why a database that lacks this step is not read, as `faultOfMigration` says it; `whole` is what a copy is made of. */
export function faultOfLack(step: Migration, whole: 'folder' | 'database'): string {
  return (
    `was written by an older Sparewatt (it lacks migration ${labelOf(step)}) and is left as it is. ` +
    `Use the version that wrote it, or start and stop the relay of this version on a copy of the ${whole} and use that.`
  );
}

/** Why a database cannot be used that has this step, as the middle of a sentence with the advice after it. */
export function faultOfMigration(step: AppliedMigration, migrations: readonly Migration[]): string | undefined {
  const known = migrations.find((migration) => migration.id === step.id);
  const label = labelOf(step);
  if (known === undefined) {
    return `was written by a newer Sparewatt (it has migration ${label}). Install that version or a later one`;
  }
  if (checksumOf(known) === step.checksum) return undefined;
  return `was built by a different text of migration ${label} than this Sparewatt has. Use the version that wrote it`;
}
