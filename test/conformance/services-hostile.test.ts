import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { BUILT_IN_SERVICES } from '../../shared/registry/catalog/all.ts';
import { startPool } from '../support/pool.ts';

const pool = await startPool();
after(() => pool.close());
await pool.addNode();

/** A body that is nearly right: an example with some members put to something else. */
const call = fc.constantFrom(...BUILT_IN_SERVICES).chain((service) => {
  const members = Object.keys((service.input.properties ?? {}) as object);
  const changes = fc.dictionary(fc.constantFrom(...members, 'routing', 'none'), fc.jsonValue({ maxDepth: 3 }), {
    maxKeys: 3,
  });
  const bodies = fc.oneof(
    changes.map((changed) => ({ ...(service.examples[0]?.input as object), ...changed })),
    fc.jsonValue(),
  );
  return fc.record({ id: fc.constant(service.id), body: bodies });
});

test('no body of a client makes a service fail by a fault of the relay', async () => {
  const seen = new Map<number, number>();
  const property = fc.asyncProperty(call, async ({ id, body }) => {
    const response = await pool.request(`/v1/services/${id}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    const { code } = (await response.json()) as { code?: string };
    seen.set(response.status, (seen.get(response.status) ?? 0) + 1);
    // The synthetic model answers "ok" where JSON is owed, which is its own fault.
    const declared = [
      undefined,
      'service_not_runnable',
      'no_capacity',
      'node_fault',
      'model_not_found',
      'file_not_found',
    ];
    assert.ok(declared.includes(code) || response.status === 400, `${id} ${code} ${JSON.stringify(body)}`);
  });
  await fc.assert(property, { numRuns: 400 });
  assert.ok(
    (seen.get(200) ?? 0) > 0 && (seen.get(400) ?? 0) > 0 && (seen.get(501) ?? 0) > 0,
    JSON.stringify([...seen]),
  );
});

test('no definition of an operator makes the registry fail by a fault of the relay', async () => {
  const [base] = BUILT_IN_SERVICES;
  const schema = fc.oneof(
    fc.jsonValue({ maxDepth: 3 }),
    fc.dictionary(
      fc.constantFrom('type', 'properties', '$ref', '$defs', 'pattern', 'enum', 'items', 'anyOf'),
      fc.jsonValue({ maxDepth: 3 }),
    ),
  );
  const definition = fc.record(
    {
      input: schema,
      output: schema,
      runtime: fc.oneof(
        fc.jsonValue(),
        fc.record({ type: fc.constantFrom('llm', 'embed', 'stt', 'x'), answer: fc.jsonValue({ maxDepth: 1 }) }),
      ),
      examples: fc.jsonValue(),
    },
    { requiredKeys: [] },
  );
  const property = fc.asyncProperty(definition, async (changes) => {
    const { id: _, ...rest } = base ?? assert.fail();
    const response = await pool.request('/v1/admin/services/house/hostile', {
      method: 'PUT',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${pool.relay.adminToken}` },
      body: JSON.stringify({ ...rest, ...changes }),
    });
    assert.ok([200, 201, 400].includes(response.status), `${await response.text()} ${JSON.stringify(changes)}`);
  });
  await fc.assert(property, { numRuns: 400 });
});
