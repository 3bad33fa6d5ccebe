import type { RelayApp } from '../services.ts';
import type { Tracing } from './tracing.ts';

/**
 * Tells a span for each request that was let in, from its head to the end of its answer. Registered behind the guard, so
 * that strangers cannot fill the collector, and only where there is one.
 */
export function traceRequests(app: RelayApp, tracing: Tracing | undefined): void {
  if (tracing === undefined) return;
  app.addHook('onRequest', (request, reply, done) => {
    const { config, url: route = '' } = request.routeOptions;
    if (config.access === undefined || config.access === 'public') return done();
    const { context, parentSpanId } = tracing.begin(request);
    const startMs = Date.now();
    const began = performance.now();
    reply.raw.once('close', () => {
      const { statusCode, writableFinished } = reply.raw;
      const problem = statusCode >= 500 ? `${statusCode}` : writableFinished ? null : 'cancelled';
      tracing.export({
        context,
        parentSpanId,
        // The route's pattern: an address may hold anything.
        name: `${request.method} ${route}`,
        kind: 'server',
        startMs,
        endMs: startMs + (performance.now() - began),
        attributes: {
          'http.request.method': request.method,
          'http.route': route,
          'http.response.status_code': statusCode,
          'sparewatt.request.id': request.id,
        },
        problem,
      });
    });
    done();
  });
}
