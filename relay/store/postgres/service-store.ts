import { type ServiceRow, toServiceRecord } from '../rows/service-rows.ts';
import type { ServiceStore } from '../service-store.ts';
import type { PostgresAccess } from './queries.ts';

const PUT =
  'INSERT INTO services (service_id, definition, updated_at) VALUES ($1, $2, $3) ' +
  'ON CONFLICT (service_id) DO UPDATE SET definition = excluded.definition, updated_at = excluded.updated_at';
const DELETE = 'DELETE FROM services WHERE service_id = $1';
const ALL = 'SELECT service_id, definition, updated_at FROM services ORDER BY service_id';

/** Services of operators, on PostgreSQL. */
export function createServiceStore(access: PostgresAccess): ServiceStore {
  return {
    putService: ({ serviceId, definition, updatedAt }) =>
      access.write(async (db) => void (await db.run(PUT, [serviceId, definition, updatedAt]))),
    deleteService: (serviceId) => access.write(async (db) => (await db.run(DELETE, [serviceId])) === 1),
    listServices: () => access.read(async (db) => (await db.all<ServiceRow>(ALL)).map(toServiceRecord)),
  };
}
