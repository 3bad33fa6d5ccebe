/** A service that an operator added over the API: its definition as JSON, and when (milliseconds since 1970). */
export type ServiceRecord = { serviceId: string; definition: string; updatedAt: number };

export interface ServiceStore {
  /** Takes the place of the one with the same id. */
  putService(record: ServiceRecord): Promise<void>;
  /** False when there is none. */
  deleteService(serviceId: string): Promise<boolean>;
  /** By id. */
  listServices(): Promise<ServiceRecord[]>;
}
