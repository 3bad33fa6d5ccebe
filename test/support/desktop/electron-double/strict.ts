/** What the runtime itself looks for on any object. */
const ASKED_BY_THE_LANGUAGE = new Set([
  'then',
  'toJSON',
  'constructor',
  'prototype',
  'default',
  '__esModule',
  'domain',
]);

/** Throws for a member that the double lacks; a plain object would answer `undefined` and fail later and elsewhere. */
export function strict<Value extends object>(name: string, value: Value): Value {
  return new Proxy(value, {
    get(target, member, receiver) {
      if (typeof member === 'string' && !(member in target) && !ASKED_BY_THE_LANGUAGE.has(member)) {
        throw new Error(`electron double: ${name}.${member} is not there`);
      }
      return Reflect.get(target, member, receiver);
    },
  });
}
