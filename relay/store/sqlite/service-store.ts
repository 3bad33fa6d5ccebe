import type { Database } from 'better-sqlite3';
import { type ServiceRow, toServiceRecord } from '../rows/service-rows.ts';
import type { ServiceStore } from '../service-store.ts';
import type { SqliteAccess } from './sqlite-access.ts';

/** Services of operators, on SQLite. */
export function createServiceStore(db: Database, access: SqliteAccess): ServiceStore {
  const put = db.prepare<[string, string, number]>(
    'INSERT INTO services (service_id, definition, updated_at) VALUES (?, ?, ?) ' +
      'ON CONFLICT (service_id) DO UPDATE SET definition = excluded.definition, updated_at = excluded.updated_at',
  );
  const remove = db.prepare<[string]>('DELETE FROM services WHERE service_id = ?');
  const all = db.prepare<[], ServiceRow>('SELECT service_id, definition, updated_at FROM services ORDER BY service_id');
  return {
    putService: ({ serviceId, definition, updatedAt }) =>
      access.write(() => void put.run(serviceId, definition, updatedAt)),
    deleteService: (serviceId) => access.write(() => remove.run(serviceId).changes === 1),
    listServices: () => access.read(() => all.all().map(toServiceRecord)),
  };
}
