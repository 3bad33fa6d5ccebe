import { Type } from 'typebox';
import { EnrollRequest, EnrollResponse } from '../../../shared/protocol/enrollment.ts';
import type { RelayApp, RelayServices } from '../../services.ts';
import { callerOf } from './caller.ts';

export const BUS_PATH = '/nats';

const EnrollBody = Type.Object(EnrollRequest.properties, {
  additionalProperties: false,
  examples: [{ publicKey: `U${'A'.repeat(55)}`, name: 'living-room' }],
});

/**
 * `POST /v1/nodes/enroll`: credentials for the bus. A machine that is trusted for where it comes from (`callerOf`) needs
 * no more; every other must be paired, and sign a challenge.
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
        response: { 200: EnrollResponse },
      },
    },
    async (request) => {
      const granted = await services.pairing.enroll(request.body, await callerOf(request, services));
      services.log.info({ node: granted.nodeId }, 'a node enrolled');
      return granted;
    },
  );
}
