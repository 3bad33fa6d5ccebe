import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { ServiceAnswer } from '../../shared/api/services.ts';
import { BUILT_IN_SERVICES } from '../../shared/registry/catalog/all.ts';
import { startDemoPool } from '../support/demo-pool.ts';
import { judgeOf } from '../support/json-schema.ts';

const pool = await startDemoPool();
after(() => pool.close());

// A real model, small enough to know little: what it says is of no use, but it is held to the form.
for (const service of BUILT_IN_SERVICES) {
  const { type, answer } = service.runtime;
  if (type !== 'llm') continue;
  test(`${service.id} runs on a real model and keeps to its schema`, async () => {
    const [example] = service.examples;
    const input = { ...(example?.input as object), ...(answer === 'json' ? {} : { max_tokens: 16 }), temperature: 0 };
    const response = await pool.request(`/v1/services/${service.id}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(input),
    });
    const body = (await response.json()) as ServiceAnswer;
    assert.equal(response.status, 200, JSON.stringify(body));
    assert.equal(judgeOf(service.output)(body.output), null, JSON.stringify(body.output));
    if (typeof answer === 'object') {
      assert.ok(((input as Record<string, unknown>)[answer.choice] as string[]).includes(body.output.choice as string));
    }
  });
}
