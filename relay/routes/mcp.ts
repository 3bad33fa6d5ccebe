import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { ErrorResponse } from '../../shared/api/errors.ts';
import type { KeyScope } from '../../shared/api/keys.ts';
import { assertScope } from '../access/api-keys.ts';
import { withHeaderMismatch } from '../mcp/header-mismatch.ts';
import type { NodesTool } from '../mcp/mcp-server.ts';
import { runNodesTool } from '../mcp/nodes-tool.ts';
import type { RelayApp, RelayServices } from '../services.ts';
import { assertOwnPage } from './http/assert-own-page.ts';
import { watchHangUps } from './http/hang-up.ts';
import { ownerOf } from './tasks/order-task.ts';

const Message = Type.Object(
  {},
  {
    additionalProperties: true,
    description: 'A JSON-RPC 2.0 message of the Model Context Protocol',
    examples: [
      { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'nodes', arguments: { action: 'list' } } },
    ],
  },
);

/** Which of the two forms an answer has says the request's `Accept` and the revision of the protocol. */
const ANSWER = {
  description: 'The answer to the message, or as the last event what would be that.',
  content: { 'application/json': { schema: Message }, 'text/event-stream': { schema: Message } },
};
const REFUSAL = {
  description: 'The request was refused: at the door as everywhere here, and a message as the protocol has it.',
  content: { 'application/problem+json': { schema: ErrorResponse }, 'application/json': { schema: Message } },
};

/** Only its path means anything; the Host of a request can be any text. */
const ENDPOINT = 'http://relay/mcp';

/**
 * `POST /mcp`: the Model Context Protocol, for agents. Without sessions: each request is whole in itself, and what a
 * client of the older revisions of the protocol sends is served by the same code.
 */
export function registerMcpRoute(app: RelayApp, services: RelayServices): void {
  const hangUpOf = watchHangUps(app);
  app.post(
    '/mcp',
    {
      config: { access: 'inference' },
      // Before the body is read: what a page of somebody else sends is not even looked at.
      onRequest: async ({ headers }) => assertOwnPage(headers, services.publicUrl),
      schema: {
        summary: 'Model Context Protocol: the tool `nodes`',
        tags: ['Nodes'],
        body: Message,
        response: { 200: ANSWER, 202: Type.Null(), '4xx': REFUSAL },
      },
      // The protocol has words of its own for what is wrong with a message.
      validatorCompiler: () => () => true,
      serializerCompiler: () => (answer) => JSON.stringify(answer),
    },
    async (request, reply) => {
      // Loaded by the first who asks: the library and its schemas take longer to load than the rest of the relay.
      const { createMcpHandler, createMcpServer } = await import('../mcp/mcp-server.ts');
      const hangUp = hangUpOf(reply.raw);
      const runTool = toolFor(request, services);
      const handler = createMcpHandler(() => createMcpServer(services.version, runTool));
      reply.raw.once('close', () => {
        hangUp.stop();
        void handler.close();
      });
      const response = await handler.fetch(webRequestOf(request, hangUp.controller.signal), {
        parsedBody: request.body,
      });
      return reply.send(await withHeaderMismatch(response));
    },
  );
}

function toolFor(request: FastifyRequest, services: RelayServices): NodesTool {
  const who = {
    ...ownerOf(request),
    assertScope: (scope: KeyScope) => assertScope(request.principal, scope),
    newJob: (order: Parameters<typeof services.newJob>[1]) => services.newJob(request, order),
    answer: request.answer,
  };
  return (args, line) => runNodesTool(args, { ...who, ...line }, services);
}

/** The body was read and parsed already and goes beside. */
function webRequestOf({ headers }: FastifyRequest, signal: AbortSignal): Request {
  const list = Object.entries(headers).flatMap(([name, value]) =>
    [value].flat().map((one) => [name, one ?? ''] as [string, string]),
  );
  return new Request(ENDPOINT, { method: 'POST', headers: list, signal });
}
