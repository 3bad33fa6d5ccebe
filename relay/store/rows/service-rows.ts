import type { ServiceRecord } from '../service-store.ts';

export type ServiceRow = { service_id: string; definition: string; updated_at: number };

export function toServiceRecord({
  service_id: serviceId,
  definition,
  updated_at: updatedAt,
}: ServiceRow): ServiceRecord {
  return { serviceId, definition, updatedAt };
}
