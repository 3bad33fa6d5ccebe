import { Type } from 'typebox';
import { NoParameters } from '../../../shared/api/no-parameters.ts';
import {
  ForgottenNode,
  ListedCode,
  ListedCodes,
  NewPairingCode,
  NodeStanding,
  PairingCode,
  RevokedNode,
} from '../../../shared/api/pairing.ts';
import { Problem } from '../../../shared/problems/problem.ts';
import {
  ChallengeRequest,
  ChallengeResponse,
  CompletePairing,
  PairingResponse,
} from '../../../shared/protocol/pairing.ts';
import type { RelayApp, RelayServices } from '../../services.ts';
import { callerOf, originForOthers } from './caller.ts';

const NodeParams = Type.Object({ id: Type.String({ maxLength: 64 }) });
const CodeParams = Type.Object({ id: Type.String({ maxLength: 64 }) });
const KEY = `U${'A'.repeat(55)}`;
const NONCE = 'A'.repeat(43);
const PROOF = { relay: 'https://relay.example', nonce: NONCE, challenge: 'A'.repeat(72), signature: 'A'.repeat(86) };

/** How nodes are let in: codes for the operator, a conversation of two steps for the node, approval and revocation. */
export function registerPairingRoutes(app: RelayApp, services: RelayServices): void {
  registerConversation(app, services);
  registerCodes(app, services);
  registerNodeControl(app, services);
}

function registerConversation(app: RelayApp, { pairing, ...services }: RelayServices): void {
  app.post(
    '/v1/pairing/challenge',
    {
      config: { access: 'public' },
      schema: {
        summary: 'Begin to pair or to enroll: a challenge for a node to sign',
        tags: ['Nodes'],
        body: Type.Object(ChallengeRequest.properties, {
          additionalProperties: false,
          examples: [{ publicKey: KEY, name: 'living-room', nonce: NONCE }],
        }),
        response: { 200: ChallengeResponse },
      },
    },
    async (request) => pairing.challenge(request.body),
  );
  app.post(
    '/v1/pairing/complete',
    {
      config: { access: 'public' },
      schema: {
        summary: 'Pair a node with a one-time code',
        tags: ['Nodes'],
        body: Type.Object(CompletePairing.properties, {
          additionalProperties: false,
          examples: [{ publicKey: KEY, name: 'living-room', proof: PROOF, code: { id: 'A'.repeat(16), proof: NONCE } }],
        }),
        response: { 200: PairingResponse },
      },
    },
    async (request) => pairing.complete(request.body, await callerOf(request, { pairing, ...services })),
  );
}

function registerCodes(app: RelayApp, services: RelayServices): void {
  app.post(
    '/v1/admin/pairing-codes',
    {
      config: { access: 'admin' },
      schema: {
        summary: 'A one-time code that lets one node in within ten minutes',
        tags: ['Administration'],
        body: NewPairingCode,
        response: { 201: PairingCode },
      },
    },
    async (request, reply) => {
      const { labels = {}, relay } = request.body;
      const { publicUrl } = services;
      if (relay !== undefined && publicUrl !== undefined) assertOwnAddress(relay, publicUrl);
      const relayUrl = relay ?? publicUrl ?? originForOthers(request);
      return reply.code(201).send(await services.pairing.createCode({ labels, relayUrl }));
    },
  );
  app.get(
    '/v1/admin/pairing-codes',
    {
      config: { access: 'admin' },
      schema: {
        summary: 'The one-time codes of the last day, newest first, without the codes themselves',
        tags: ['Administration'],
        querystring: NoParameters,
        response: { 200: ListedCodes },
      },
    },
    async () => ({ data: await services.pairing.listCodes(), next: null }),
  );
  app.delete(
    '/v1/admin/pairing-codes/:id',
    {
      config: { access: 'admin' },
      schema: {
        summary: 'Withdraw a one-time code',
        tags: ['Administration'],
        params: CodeParams,
        response: { 200: ListedCode },
      },
    },
    async (request) => services.pairing.withdrawCode(request.params.id),
  );
}

/** A node signs where it met the relay, and the relay takes no other address than its own: such a link would let nobody in. */
function assertOwnAddress(relay: string, publicUrl: string): void {
  const { origin } = new URL(publicUrl);
  if (URL.parse(relay)?.origin === origin) return;
  throw new Problem(
    'invalid_value',
    `Nodes know this relay as ${origin} (public_url) and are refused under any other address. Leave the address out, or change public_url.`,
    { param: 'relay' },
  );
}

function registerNodeControl(app: RelayApp, services: RelayServices): void {
  app.post(
    '/v1/admin/nodes/:id/approve',
    {
      config: { access: 'admin' },
      schema: {
        summary: 'Let a node in that waits or was revoked',
        tags: ['Administration'],
        params: NodeParams,
        response: { 200: NodeStanding },
      },
    },
    async (request) => services.nodeControl.approve(services.directory.resolve(request.params.id)),
  );
  app.post(
    '/v1/admin/nodes/:id/revoke',
    {
      config: { access: 'admin' },
      schema: {
        summary: 'Shut a node out and cut its connection',
        tags: ['Administration'],
        params: NodeParams,
        response: { 200: RevokedNode },
      },
    },
    async (request) => {
      const { node, connectionCut } = await services.nodeControl.revoke(services.directory.resolve(request.params.id));
      return { ...node, connectionCut };
    },
  );
  app.delete(
    '/v1/admin/nodes/:id',
    {
      config: { access: 'admin' },
      schema: {
        summary:
          'Forget a node that is gone; its records, receipts and credits stay, and it comes back by pairing anew',
        tags: ['Administration'],
        params: NodeParams,
        response: { 200: ForgottenNode },
      },
    },
    async (request) => {
      const { node, connectionCut } = await services.nodeControl.forget(services.directory.resolve(request.params.id));
      return { nodeId: node.nodeId, name: node.name, connectionCut };
    },
  );
}
