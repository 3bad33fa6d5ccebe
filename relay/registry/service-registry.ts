import { Problem } from '../../shared/problems/problem.ts';
import { BUILT_IN_SERVICES } from '../../shared/registry/catalog/all.ts';
import { readService } from '../../shared/registry/read-service.ts';
import { compileSchema, type SchemaCheck } from '../../shared/registry/schema-check.ts';
import type { ServiceDefinition } from '../../shared/registry/service.ts';
import { nearestNames } from '../fabric/documents/nearest-names.ts';
import type { RelayLog } from '../log.ts';
import type { ServiceStore } from '../store/service-store.ts';
import { type FileService, readServiceFiles } from './service-files.ts';

/** Who defined a service: Sparewatt, a file of the operator, or the operator over the API. */
export type ServiceOrigin = 'built_in' | 'file' | 'api';

export type RegisteredService = {
  readonly definition: ServiceDefinition;
  readonly origin: ServiceOrigin;
  /** The file that holds it. */
  readonly file: string | null;
  /** Milliseconds since 1970; null where nobody noted it. */
  readonly updatedAt: number | null;
  /** Whether it stands in the place of one that came with the relay. */
  readonly overrides: boolean;
  readonly checkInput: SchemaCheck;
  readonly checkOutput: SchemaCheck;
};

export type ServiceRegistry = {
  /** Errors: `service_not_found`. */
  get(id: string, param?: string): RegisteredService;
  /** By id. */
  list(): readonly RegisteredService[];
  /**
   * Adds a service, or replaces one that was added so. Errors: `invalid_value`, `missing_required_parameter`,
   * `service_id_taken` for an id of a file, or of a built-in service that the definition does not override.
   */
  put(id: string, value: unknown): Promise<{ service: RegisteredService; isNew: boolean }>;
  /** Errors: `service_not_found`, `service_id_taken` for what is no service of the API. */
  remove(id: string): Promise<void>;
  /** Reads the files again; all of them count or none. Errors: `invalid_setting`. */
  reload(): RegisteredService[];
};

export type RegistryPorts = {
  store: ServiceStore;
  /** A file or a folder of services. */
  path?: string | undefined;
  now: () => number;
  log: RelayLog;
};

/** An operator who has more than this means something else by a service. */
const MOST_OF_API = 1_000;

/**
 * Opens the registry. Errors: `invalid_setting` for a file that is wrong.
 *
 * Invariants: (1) a service of the API is stored before it counts; (2) of one id a file wins over the API, and either
 * over what is built in; (3) none of that happens unsaid: files and calls that do not ask for it are refused, and what
 * only a newer relay brings about is logged.
 */
export async function openServiceRegistry(ports: RegistryPorts): Promise<ServiceRegistry> {
  const { store, path, now, log } = ports;
  const builtIn = new Map(BUILT_IN_SERVICES.map((service) => [service.id, registered(service, 'built_in')]));
  const ofApi = await readStored(store, log);
  let ofFiles = readFiles(path);
  let all = sorted();

  function sorted(): readonly RegisteredService[] {
    for (const id of ofApi.keys()) {
      if (ofFiles.has(id)) log.warn({ service: id, file: ofFiles.get(id)?.file }, 'a file hides a service of the API');
    }
    const services = new Map([...builtIn, ...ofApi, ...ofFiles]);
    return [...services.values()].sort((a, b) => (a.definition.id < b.definition.id ? -1 : 1));
  }
  const find = (id: string): RegisteredService | undefined => ofFiles.get(id) ?? ofApi.get(id) ?? builtIn.get(id);
  const get = (id: string, param = 'id'): RegisteredService => {
    const service = find(id);
    if (service !== undefined) return service;
    const names = nearestNames(
      id,
      all.map(({ definition }) => definition.id),
    );
    const hint = names.length === 0 ? 'GET /v1/registry/services lists all.' : `Did you mean ${names.join(' or ')}?`;
    throw new Problem('service_not_found', `There is no service "${id.slice(0, 128)}" here. ${hint}`, { param });
  };
  return {
    get,
    list: () => all,
    put: async (id, value) => {
      const definition = readService(withId(value, id));
      assertFree(definition, ofFiles, ofApi);
      if (!ofApi.has(id) && ofApi.size >= MOST_OF_API) {
        throw new Problem('invalid_value', `A relay keeps at most ${MOST_OF_API} services of the API. Remove some.`);
      }
      const updatedAt = now();
      await store.putService({ serviceId: id, definition: JSON.stringify(definition), updatedAt });
      const isNew = !ofApi.has(id);
      const service = registered(definition, 'api', { updatedAt });
      ofApi.set(id, service);
      all = sorted();
      return { service, isNew };
    },
    remove: async (id) => {
      if (!ofApi.has(id)) throw notRemovable(get(id));
      await store.deleteService(id);
      ofApi.delete(id);
      all = sorted();
    },
    reload: () => {
      ofFiles = readFiles(path);
      all = sorted();
      return [...ofFiles.values()];
    },
  };
}

function registered(
  definition: ServiceDefinition,
  origin: ServiceOrigin,
  more: { file?: string; updatedAt?: number } = {},
): RegisteredService {
  const { file = null, updatedAt = null } = more;
  const overrides = origin !== 'built_in' && isBuiltIn(definition.id);
  return {
    definition,
    origin,
    file,
    updatedAt,
    overrides,
    checkInput: compileSchema(definition.input),
    checkOutput: compileSchema(definition.output),
  };
}

const BUILT_IN_IDS = new Set(BUILT_IN_SERVICES.map(({ id }) => id));

function isBuiltIn(id: string): boolean {
  return BUILT_IN_IDS.has(id);
}

/** What an older relay stored may not be what this one takes: it is left where it is, and said. */
async function readStored(store: ServiceStore, log: RelayLog): Promise<Map<string, RegisteredService>> {
  const services = new Map<string, RegisteredService>();
  for (const { serviceId, definition, updatedAt } of await store.listServices()) {
    try {
      const service = registered(readService(JSON.parse(definition)), 'api', { updatedAt });
      services.set(serviceId, service);
      if (service.overrides && service.definition.overrides !== true) {
        log.warn({ service: serviceId }, 'a service of the API hides one that came with this version');
      }
    } catch (error) {
      log.error({ service: serviceId, err: error }, 'a stored service cannot be read and is left out');
    }
  }
  return services;
}

function readFiles(path: string | undefined): Map<string, RegisteredService> {
  const files = path === undefined ? [] : readServiceFiles(path);
  return new Map(files.map((service) => [service.definition.id, fromFile(service)]));
}

function fromFile({ definition, file }: FileService): RegisteredService {
  const service = registered(definition, 'file', { file });
  if (!service.overrides || definition.overrides === true) return service;
  const advice = 'Choose another id, or write overrides = true to put it in that place.';
  throw new Problem('invalid_setting', `${file}: ${definition.id} is a service that comes with the relay. ${advice}`);
}

/** The id of the address is the one that counts; a body that says another would be a mistake. */
function withId(value: unknown, id: string): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  if (!('id' in value) || value.id === id) return { ...value, id };
  throw new Problem('invalid_value', `The address says ${id} and the body another id. Leave it out of the body.`, {
    param: 'id',
  });
}

function assertFree(
  { id, overrides }: ServiceDefinition,
  ofFiles: ReadonlyMap<string, RegisteredService>,
  ofApi: ReadonlyMap<string, RegisteredService>,
): void {
  const file = ofFiles.get(id);
  if (file !== undefined) {
    throw new Problem('service_id_taken', `${id} is defined in a file of the relay. Change it there.`, { param: 'id' });
  }
  if (!isBuiltIn(id) || overrides === true || ofApi.has(id)) return;
  const advice = 'Choose another id, or send "overrides": true to put it in that place.';
  throw new Problem('service_id_taken', `${id} is a service that comes with the relay. ${advice}`, { param: 'id' });
}

function notRemovable({ definition: { id }, origin }: RegisteredService): Problem {
  const why =
    origin === 'file' ? 'is defined in a file of the relay. Remove it there' : 'comes with the relay and stays';
  return new Problem('service_id_taken', `${id} ${why}.`, { param: 'id' });
}
