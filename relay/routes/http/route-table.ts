import type { RelayApp } from '../../services.ts';

/** Which methods a path takes, so that a wrong method is told from a wrong path. Fastify answers 404 for both. */
export type RouteTable = {
  methodsAt(path: string): string[];
  /** Who may call what is there by this method. */
  accessAt(path: string, method: string): unknown[];
};

export function collectRoutes(app: RelayApp): RouteTable {
  const routes: { pattern: RegExp; methods: string[]; access: unknown }[] = [];
  app.addHook('onRoute', ({ url, method, config }) => {
    routes.push({ pattern: patternOf(url), methods: [method].flat(), access: config?.access });
  });
  return {
    accessAt: (path, method) =>
      routes
        .filter(({ pattern, methods }) => methods.includes(method) && pattern.test(path))
        .map(({ access }) => access),
    methodsAt: (path) => {
      const methods = routes.filter(({ pattern }) => pattern.test(path)).flatMap((route) => route.methods);
      return [...new Set(methods)].sort();
    },
  };
}

function patternOf(url: string): RegExp {
  const source = url
    .split('/')
    .map((part) => (part.startsWith(':') ? '[^/]+' : part === '*' ? '.*' : part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')))
    .join('/');
  return new RegExp(`^${source}$`);
}
