import { Problem } from '../../problems/problem.ts';
import { isJsonObject, type JsonObject } from '../transformers/model-files.ts';
import { assertionsOf, type Effort } from './schema-keywords.ts';
import { CannotMerge, mergeSchemas } from './schema-merge.ts';
import type { Refuse } from './schema-shapes.ts';

/** More references after each other lead in a circle. */
const MOST_STEPS = 64;

export type ReferenceTools = {
  /** The whole schema, in which references point. */
  root: unknown;
  /** A schema without what is ignored; throws when a keyword is wrong. */
  checked(part: JsonObject, place: string): JsonObject;
  refuse: Refuse;
  effort: Effort;
};

/** Follows references, and makes one schema of several. */
export function createReferences({ root, checked, refuse, effort }: ReferenceTools) {
  function resolvePointer(pointer: string, place: string): unknown {
    const steps = pointer === '#' ? [] : pointer.startsWith('#/') ? pointer.slice(2).split('/') : null;
    let target: unknown = steps === null ? undefined : root;
    for (const step of steps ?? []) {
      const key = decodeStep(step);
      const has = typeof target === 'object' && target !== null && Object.hasOwn(target, key);
      target = has ? (target as JsonObject)[key] : undefined;
    }
    if (target === undefined) {
      const why = `${pointer.slice(0, 100)} is no place in this schema. Only references such as #/$defs/name are followed.`;
      throw new Problem('invalid_value', `The schema cannot be followed at ${place}: ${why}`, { param: place });
    }
    return target;
  }

  /** Follows references on top; what is still one after so many steps leads in a circle. */
  function resolve(part: unknown, place: string): unknown {
    let target = part;
    for (let step = 0; step < MOST_STEPS; step++) {
      if (!isJsonObject(target) || target.$ref === undefined) return target;
      const { $ref, ...rest } = target;
      const found = resolvePointer(String($ref), `${place}.$ref`);
      target = assertionsOf(rest).length === 0 ? found : { ...rest, allOf: [found, ...listIn(rest.allOf)] };
    }
    throw new Problem('invalid_value', `The references at ${place} lead in a circle.`, { param: place });
  }

  /** One schema for the values that are valid under `others` and all parts. */
  function allOf(parts: readonly unknown[], others: JsonObject, place: string): unknown {
    let merged: JsonObject = others;
    for (const [at, part] of parts.entries()) {
      effort.spend(10);
      const inside = `${place}.allOf.${at}`;
      const resolved = resolve(part, inside);
      if (resolved === false) return false;
      if (resolved === true) continue;
      if (!isJsonObject(resolved)) {
        throw new Problem('invalid_value', `A schema must be an object, true or false at ${inside}.`, {
          param: inside,
        });
      }
      try {
        merged = mergeSchemas(merged, checked(resolved, inside), effort);
      } catch (error) {
        if (!(error instanceof CannotMerge)) throw error;
        refuse(inside, `it cannot be combined with the rest, because of ${error.message}.`, 'unsupported_parameter');
      }
    }
    return merged;
  }

  return { resolvePointer, resolve, allOf };
}

function listIn(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

function decodeStep(step: string): string {
  try {
    return decodeURIComponent(step).replaceAll('~1', '/').replaceAll('~0', '~');
  } catch {
    return step;
  }
}

/** Where a reference points, as it is written in complaints. */
export function dotted(pointer: string): string {
  return pointer.slice(1).split('/').map(decodeStep).join('.');
}
