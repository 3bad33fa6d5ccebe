import type { CreatedKey, CreateKeyRequest } from '../../shared/api/keys.ts';
import type { Pool } from './pool.ts';

/** What the relay answered, already read. */
export type Answered<Body> = { status: number; headers: Headers; body: Body };

export async function ask<Body>(pool: Pool, path: string, body?: unknown, key?: string): Promise<Answered<Body>> {
  const headers = {
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
  };
  const init = body === undefined ? { headers } : { method: 'POST', headers, body: JSON.stringify(body) };
  const response = await pool.request(path, init);
  return { status: response.status, headers: response.headers, body: (await response.json()) as Body };
}

/** A request with the relay's admin token. */
export function askAsAdmin<Body>(pool: Pool, path: string, body?: unknown): Promise<Answered<Body>> {
  return ask(pool, path, body, pool.relay.adminToken);
}

/** A key of the pool's relay. */
export async function makeKey(pool: Pool, order: CreateKeyRequest): Promise<string> {
  return (await askAsAdmin<CreatedKey>(pool, '/v1/admin/keys', order)).body.key;
}
