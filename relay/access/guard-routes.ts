import type { RelayApp, RelayServices } from '../services.ts';
import { assertScope } from './api-keys.ts';

/** Refuses at start any route that does not say who may call it, and at run time anyone who may not. */
export function guardRoutes(app: RelayApp, services: Pick<RelayServices, 'keys'>): void {
  app.decorateRequest('principal');
  app.addHook('onRoute', (route) => {
    if (route.config?.access === undefined) throw new Error(`route ${route.method} ${route.url} has no access class`);
  });
  app.addHook('onRequest', async (request) => {
    const access = request.routeOptions.config.access;
    if (access === undefined || access === 'public') return;
    const { authorization, 'x-api-key': apiKey } = request.headers;
    request.principal = await services.keys.authenticate(authorization, apiKey);
    assertScope(request.principal, access === 'admin' ? 'admin' : 'inference');
  });
}
