import type { IncomingMessage } from 'node:http';
import type { TlsOptions } from 'node:tls';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import Fastify, { type FastifyBaseLogger, LogController } from 'fastify';
import { guardRoutes } from './access/guard-routes.ts';
import type { RelayLog } from './log.ts';
import { openModelMirror } from './models/mirror.ts';
import { registerCreditRoutes } from './routes/accounts/credits.ts';
import { registerKeyRoutes } from './routes/accounts/keys.ts';
import { registerReceiptRoutes } from './routes/accounts/receipts.ts';
import { registerSettlementRoutes } from './routes/accounts/settlements.ts';
import { registerUsageRoutes } from './routes/accounts/usage.ts';
import { registerMessagesRoutes } from './routes/anthropic/messages.ts';
import { registerBatchRoutes } from './routes/batches/batches.ts';
import { registerFileRoutes } from './routes/files/files.ts';
import { registerJobFileRoutes } from './routes/files/job-files.ts';
import { registerModelFileRoute, registerModelMirrorRoute } from './routes/files/model-files.ts';
import { answerBrokenRequest, refuseWrongHosts } from './routes/http/broken-request.ts';
import { allowOrigins } from './routes/http/cors.ts';
import { registerDraining } from './routes/http/draining.ts';
import { answerRouterError, registerErrorHandlers } from './routes/http/errors.ts';
import { readSayableBodies } from './routes/http/json-bodies.ts';
import { registerOpenApi } from './routes/http/openapi.ts';
import { serveInOrder } from './routes/http/pipelining.ts';
import { registerRateLimitHeaders } from './routes/http/rate-limit-headers.ts';
import { registerRequestId, requestIdOf } from './routes/http/request-id.ts';
import { collectRoutes } from './routes/http/route-table.ts';
import { compileOnDemand } from './routes/http/schema-compilers.ts';
import { limitUnread } from './routes/http/unread.ts';
import { registerJobRoutes } from './routes/jobs/jobs.ts';
import { registerMcpRoute } from './routes/mcp.ts';
import { registerCapabilityRoutes } from './routes/nodes/capabilities.ts';
import { registerClusterRoute } from './routes/nodes/cluster.ts';
import { registerEnrollRoute } from './routes/nodes/enroll.ts';
import { registerMinerRoutes } from './routes/nodes/miners.ts';
import { registerNodeRecordsRoute } from './routes/nodes/node-records.ts';
import { registerNodeRoutes } from './routes/nodes/nodes.ts';
import { registerPairingRoutes } from './routes/nodes/pairing.ts';
import { registerSpeechRoute } from './routes/openai/audio-speech.ts';
import { registerTranscriptionRoutes } from './routes/openai/audio-transcriptions.ts';
import { registerChatRoute } from './routes/openai/chat.ts';
import { registerCompletionRoute } from './routes/openai/completions.ts';
import { registerEmbeddingsRoute } from './routes/openai/embeddings.ts';
import { registerImageRoutes } from './routes/openai/images.ts';
import { registerModelRoutes } from './routes/openai/models.ts';
import { registerRerankRoute } from './routes/openai/rerank.ts';
import { registerResponsesRoutes } from './routes/openai/responses.ts';
import { registerAdminSessionRoutes } from './routes/operators/admin-session.ts';
import { registerHealthRoute } from './routes/operators/health.ts';
import { registerHealthProbes } from './routes/operators/health-probes.ts';
import { registerMetricsRoute } from './routes/operators/metrics.ts';
import { registerSnapshotRoute } from './routes/operators/snapshot.ts';
import { registerStatsRoutes } from './routes/operators/stats.ts';
import { registerPageRoutes } from './routes/pages/pages.ts';
import { registerProblemRoutes } from './routes/pages/problems.ts';
import { registerRouteExplainRoutes } from './routes/routing/route-explain.ts';
import { registerOwnServiceRoutes } from './routes/services/own-services.ts';
import { registerRegistryRoutes } from './routes/services/registry.ts';
import { registerServiceRoutes } from './routes/services/run-service.ts';
import { registerCapabilityJobRoutes } from './routes/tasks/capability-jobs.ts';
import { registerTaskRoutes } from './routes/tasks/tasks.ts';
import type { RelayApp, RelayServices } from './services.ts';
import { traceRequests } from './tracing/trace-requests.ts';

export type AppOptions = {
  services: RelayServices;
  logger: FastifyBaseLogger;
  /** What requests that could not be served are told to; the logger itself when absent. */
  log?: RelayLog | undefined;
  maxBodyBytes: number;
  /** With it the relay speaks HTTPS. */
  tls?: TlsOptions | undefined;
  unreadMs?: number | undefined;
  strangerMs?: number | undefined;
  mostHeldBytes?: number | undefined;
  /** Where the built pages lie; those of this repository when absent. */
  pagesFolder?: string | undefined;
  /** Where the models lie that the relay hands to its nodes. */
  mirrorFolder?: string | undefined;
  /** Whose pages may ask with a key; nobody's but the relay's own unless given. */
  corsOrigins?: readonly string[] | undefined;
};

// Java's own client offers HTTP/2 with every request: only a WebSocket is really an upgrade.
const shouldUpgradeCallback = (request: IncomingMessage): boolean =>
  request.headers.upgrade?.toLowerCase() === 'websocket';

const ofServer = { shouldUpgradeCallback, requireHostHeader: false };

/** The relay's HTTP side: what is registered, in this order. Listens to nothing by itself. */
export async function createApp({
  services,
  logger,
  log = logger,
  maxBodyBytes,
  tls,
  unreadMs,
  strangerMs,
  mostHeldBytes,
  pagesFolder,
  mirrorFolder,
  corsOrigins = [],
}: AppOptions): Promise<RelayApp> {
  const app = Fastify({
    loggerInstance: logger,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: maxBodyBytes,
    // One logger for all requests: a child for each would cost more than the answer's head, and hardly one ever logs.
    childLoggerFactory: (parent) => parent,
    genReqId: requestIdOf,
    requestIdHeader: false,
    forceCloseConnections: true,
    return503OnClosing: false,
    frameworkErrors: (error, request, reply) => answerRouterError(error, request, reply, log),
    clientErrorHandler: answerBrokenRequest,
    ...(tls === undefined ? { http: ofServer } : { https: { ...tls, ...ofServer } }),
  }).withTypeProvider<TypeBoxTypeProvider>() as RelayApp;

  serveInOrder(app);
  // Node would answer 417 in words of its own; whoever expects something else of us may also be served without it.
  app.server.on('checkExpectation', (request, response) => app.server.emit('request', request, response));
  // Every body is JSON; the framework would also read text.
  app.removeContentTypeParser('text/plain');
  readSayableBodies(app);
  compileOnDemand(app);
  const routes = collectRoutes(app);
  registerErrorHandlers(app, routes, maxBodyBytes, log);
  refuseWrongHosts(app);
  allowOrigins(app, corsOrigins, routes);
  registerRequestId(app);
  limitUnread(app, unreadMs);
  registerRateLimitHeaders(app, services);
  registerDraining(app);
  guardRoutes(app, services, { strangerMs, mostHeldBytes });
  traceRequests(app, services.tracing);
  await registerOpenApi(app, services.version);
  registerHealthRoute(app, services);
  registerHealthProbes(app, services);
  registerChatRoute(app, services);
  registerCompletionRoute(app, services);
  registerResponsesRoutes(app, services);
  registerMessagesRoutes(app, services);
  registerEmbeddingsRoute(app, services);
  await registerTranscriptionRoutes(app, services);
  registerSpeechRoute(app, services);
  registerImageRoutes(app, services);
  registerRerankRoute(app, services);
  registerModelRoutes(app, services);
  registerCapabilityRoutes(app, services);
  registerCapabilityJobRoutes(app, services);
  registerServiceRoutes(app, services);
  registerRegistryRoutes(app, services);
  registerOwnServiceRoutes(app, services);
  registerJobRoutes(app, services);
  registerBatchRoutes(app, services);
  await registerFileRoutes(app, services);
  await registerJobFileRoutes(app, services);
  registerReceiptRoutes(app, services);
  registerEnrollRoute(app, services);
  registerNodeRecordsRoute(app, services);
  registerMinerRoutes(app, services);
  registerNodeRoutes(app, services);
  registerClusterRoute(app, services);
  registerTaskRoutes(app, services);
  registerMcpRoute(app, services);
  registerRouteExplainRoutes(app, services);
  registerPairingRoutes(app, services);
  registerSnapshotRoute(app, services);
  registerKeyRoutes(app, services);
  registerAdminSessionRoutes(app, services);
  registerStatsRoutes(app, services);
  registerMetricsRoute(app, services);
  registerUsageRoutes(app, services);
  registerCreditRoutes(app, services);
  registerSettlementRoutes(app, services);
  await registerPageRoutes(app, pagesFolder);
  registerProblemRoutes(app, pagesFolder);
  registerModelFileRoute(app);
  if (mirrorFolder !== undefined) registerModelMirrorRoute(app, openModelMirror(mirrorFolder));
  return app;
}
