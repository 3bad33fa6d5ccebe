import type {
  OwnService,
  ServiceDetails,
  ServicePage,
  ServicePageQuery,
  ServiceRequirements,
  ServiceSummary,
} from '../../../shared/api/services.ts';
import { type Availability, createAvailability } from '../../registry/service-availability.ts';
import type { RegisteredService } from '../../registry/service-registry.ts';
import type { RelayServices } from '../../services.ts';
import { readPageLimit } from '../http/page-limit.ts';

type Sources = Pick<RelayServices, 'registry' | 'table'>;

/** One page of the services that fit, by id. Errors: `invalid_value` for a limit that is none. */
export function pageOfServices(query: ServicePageQuery, { registry, table }: Sources): ServicePage {
  const limit = readPageLimit(query.limit);
  const fitting = registry.list().filter((service) => isWanted(service, query));
  const page = fitting.slice(0, limit);
  const availabilityOf = createAvailability(table.live());
  return {
    data: page.map((service) => summaryOf(service, availabilityOf(service.definition))),
    next: fitting.length > limit ? (page.at(-1)?.definition.id ?? null) : null,
  };
}

/** Every word must be there, in whatever order and case. */
function isWanted({ definition }: RegisteredService, { category, q, after }: ServicePageQuery): boolean {
  const { id, title, description } = definition;
  if (after !== undefined && id <= after) return false;
  if (category !== undefined && definition.category !== category) return false;
  const text = `${id} ${title} ${description}`.toLowerCase();
  return (q ?? '')
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}

export function detailsOf(service: RegisteredService, { table }: Sources): ServiceDetails {
  const { definition, origin, overrides, updatedAt } = service;
  return {
    ...definition,
    origin,
    overrides,
    updated_at: updatedAt,
    available: availabilityNow(service, table),
  };
}

export function requirementsOf(service: RegisteredService, { table }: Sources): ServiceRequirements {
  const { id, runtime, requirements } = service.definition;
  return { id, capability: runtime.type, ...requirements, available: availabilityNow(service, table) };
}

/** The services that the operator defined. */
export function ownServices({ registry, table }: Sources): OwnService[] {
  const availabilityOf = createAvailability(table.live());
  const own = registry.list().filter(({ origin }) => origin !== 'built_in');
  return own.map((service) => ({ ...summaryOf(service, availabilityOf(service.definition)), file: service.file }));
}

function summaryOf(
  { definition, origin, overrides, updatedAt }: RegisteredService,
  available: Availability,
): ServiceSummary {
  const { id, category, title, description, runtime, default_model, price_unit } = definition;
  return {
    id,
    category,
    title,
    description,
    runtime: runtime.type,
    default_model,
    price_unit,
    origin,
    overrides,
    updated_at: updatedAt,
    available: toApi(available),
  };
}

function availabilityNow({ definition }: RegisteredService, table: Sources['table']): ServiceDetails['available'] {
  return toApi(createAvailability(table.live())(definition));
}

function toApi({ missing, ...counts }: Availability): ServiceDetails['available'] {
  return { ...counts, missing: [...missing] };
}
