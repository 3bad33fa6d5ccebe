import assert from 'node:assert/strict';
import type { ApiKey, ChangeKeyRequest, CreatedKey, CreateKeyRequest } from '../../shared/api/keys.ts';
import type { Pool } from './pool.ts';
import { type Answered, askAsAdmin } from './pool-admin.ts';

export async function makeKey(pool: Pool, order: Partial<CreateKeyRequest>): Promise<CreatedKey> {
  const { status, body } = await askAsAdmin<CreatedKey>(pool, '/v1/admin/keys', { name: 'a test', ...order });
  assert.equal(status, 201, JSON.stringify(body));
  return body;
}

/** `PATCH` of a key, whatever is answered. */
export async function patchKey<Body>(pool: Pool, id: string, change: unknown): Promise<Answered<Body>> {
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${pool.relay.adminToken}` };
  const init = { method: 'PATCH', headers, body: JSON.stringify(change) };
  const response = await pool.request(`/v1/admin/keys/${id}`, init);
  return { status: response.status, headers: response.headers, body: (await response.json()) as Body };
}

export async function changeKey(pool: Pool, id: string, change: ChangeKeyRequest): Promise<ApiKey> {
  const { status, body } = await patchKey<ApiKey>(pool, id, change);
  assert.equal(status, 200, JSON.stringify(body));
  return body;
}
