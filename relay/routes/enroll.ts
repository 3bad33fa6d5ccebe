import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { ErrorResponse } from '../../shared/api/errors.ts';
import { nodeIdOf } from '../../shared/identity/node-id.ts';
import { Problem } from '../../shared/problems/problem.ts';
import { EnrollRequest, EnrollResponse } from '../../shared/protocol/enrollment.ts';
import { assertScope } from '../access/api-keys.ts';
import type { RelayApp, RelayServices } from '../services.ts';

export const BUS_PATH = '/nats';

const EnrollBody = Type.Object(EnrollRequest.properties, {
  additionalProperties: false,
  examples: [{ publicKey: `U${'A'.repeat(55)}`, name: 'living-room' }],
});

/**
 * `POST /v1/nodes/enroll`: credentials for the bus. A machine is trusted if it is this one (loopback, not through a
 * proxy) or shows the admin token; every other is refused.
 */
export function registerEnrollRoute(app: RelayApp, services: RelayServices): void {
  app.post(
    '/v1/nodes/enroll',
    {
      config: { access: 'public' },
      schema: {
        summary: 'Credentials for a node of this relay',
        tags: ['Nodes'],
        body: EnrollBody,
        response: { 200: EnrollResponse, '4xx': ErrorResponse },
      },
    },
    async (request) => {
      await assertTrusted(request, services);
      const { publicKey, name } = request.body;
      const nodeId = nodeIdOf(name, publicKey);
      await services.store.nodes.rememberNode({ nodeId, publicKey, name, firstSeenAt: Date.now() });
      const { jwt, expiresAt } = services.mintNodeCredentials({ nodeId, publicKey });
      services.log.info({ node: nodeId }, 'a node enrolled');
      return { nodeId, jwt, expiresAt, busPath: BUS_PATH };
    },
  );
}

async function assertTrusted(request: FastifyRequest, services: RelayServices): Promise<void> {
  const { authorization } = request.headers;
  if (authorization !== undefined) {
    assertScope(await services.keys.authenticate(authorization), 'admin');
    return;
  }
  // A reverse proxy on this machine makes the whole internet look like loopback.
  const forwarded = ['forwarded', 'x-forwarded-for', 'x-real-ip', 'via'].some((name) => name in request.headers);
  if (!forwarded && isLoopback(request.socket.remoteAddress)) return;
  throw new Problem(
    'pairing_required',
    'This relay trusts only nodes on its own machine. Start the node with --join-token and the admin token of the relay.',
  );
}

function isLoopback(address: string | undefined): boolean {
  return address === '::1' || /^(::ffff:)?127\./.test(address ?? '');
}
