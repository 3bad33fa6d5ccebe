import assert from 'node:assert/strict';
import { test } from 'node:test';
import Fastify from 'fastify';
import { compileOnDemand } from '../../../../relay/routes/http/schema-compilers.ts';
import { registerJobSubmission } from '../../../../relay/routes/jobs/job-submission.ts';
import type { RelayApp, RelayServices } from '../../../../relay/services.ts';
import { Problem } from '../../../../shared/problems/problem.ts';

const refusals = [
  ['finds the queue full', async () => Promise.reject(new Problem('queue_full', 'Try again later.'))],
  ['finds no room on the disk', async () => Promise.reject(new Problem('storage_failed', 'The disk is full.'))],
  ['was sent before', async () => ({ job: { id: 'job_earlier' }, isNew: false })],
] as const;

for (const [what, accept] of refusals) {
  test(`of a submission that ${what} no hold on credits stays behind`, async (t) => {
    const held = new Set<string>();
    const ids: string[] = [];
    const app = Fastify();
    t.after(() => app.close());
    compileOnDemand(app as unknown as RelayApp);
    app.addHook('onRequest', async (request) => {
      request.principal = { keyId: 'key_a', limits: { creditLimitMicro: 9 } } as typeof request.principal;
    });
    const queue = {
      earlier: async () => undefined,
      accept: ({ id }: { id: string }) => {
        assert.ok(held.has(id), 'before it may run');
        ids.push(id);
        return accept();
      },
      length: () => 1,
    };
    registerJobSubmission(
      app as unknown as RelayApp,
      {
        queue,
        admit: () => undefined,
        billing: {
          mostFor: () => 5,
          reserve: (id: string) => void held.add(id),
          release: (id: string) => void held.delete(id),
        },
        table: { models: () => new Map(), servesType: () => false },
      } as unknown as RelayServices,
    );
    const payload = { service: 'llm/inference', model: 'test/echo', input: 'hello' };
    await app.inject({ method: 'POST', url: '/v1/jobs', payload });
    assert.deepEqual(
      ids.map((id) => held.has(id)),
      [false],
    );
  });
}
