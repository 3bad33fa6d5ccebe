import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Type } from 'typebox';
import { validatorOf } from '../../../shared/protocol/validator.ts';

test('a schema is compiled by the first question about it, and by no other', () => {
  let looks = 0;
  const watched = new Proxy(Type.Object({ slots: Type.Integer({ minimum: 1 }) }), {
    get: (schema, key) => {
      looks += 1;
      return Reflect.get(schema, key);
    },
  });
  const validator = validatorOf(watched);
  assert.equal(looks, 0);
  assert.ok(validator.Check({ slots: 3 }));
  const whenCompiled = looks;
  assert.ok(whenCompiled > 0);
  assert.ok(!validator.Check({ slots: 0 }));
  assert.equal(looks, whenCompiled);
});

test('what is wrong with a value is told with its place, and nothing of one that is right', () => {
  const validator = validatorOf(Type.Object({ slots: Type.Integer({ minimum: 1 }) }));
  assert.deepEqual(
    validator.Errors({ slots: 0 }).map(({ instancePath }) => instancePath),
    ['/slots'],
  );
  assert.deepEqual(validator.Errors({ slots: 3 }), []);
});
