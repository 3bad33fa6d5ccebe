import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import {
  MinerAck,
  MinerDrain,
  MinerDrained,
  MinerFailure,
  MinerHeard,
  MinerHeartbeat,
  MinerPoll,
  MinerRegistration,
  MinerResult,
  MinerWork,
  RegisteredMiner,
} from '../../../shared/api/miners.ts';
import { minerTokenOf } from '../../miners/miner-tokens.ts';
import type { RelayApp, RelayServices } from '../../services.ts';
import { watchHangUps } from '../http/hang-up.ts';
import { sendJson } from '../http/send-json.ts';
import { callerOf } from './caller.ts';

const tags = ['Miners'];
const security = [{ minerToken: [] }];
/** A result may carry two thousand vectors in decimal; only who shows a token may send so much. */
const MOST_RESULT_BYTES = 64 * 1024 * 1024;
/** A thousand models, each with all that can be said of it. */
const MOST_REGISTRATION_BYTES = 256 * 1024;
/** A miner shows a token of its own kind, which the key guard does not know. */
const config = { access: 'public' } as const;

/** `/v1/miners/…`: a node that has nothing but HTTP (SPEC M). */
export function registerMinerRoutes(app: RelayApp, services: RelayServices): void {
  const { miners } = services;
  const nodeOf = ({ headers }: FastifyRequest): string => miners.authenticate(headers.authorization);
  /** Before a body is read: strangers are told that they are. */
  const onRequest = async (request: FastifyRequest): Promise<void> => void nodeOf(request);
  const own = { config, onRequest };
  app.post(
    '/v1/miners/register',
    {
      config,
      bodyLimit: MOST_REGISTRATION_BYTES,
      schema: {
        summary: 'Join as a node over HTTP, with a one-time code or from this machine, or say anew what is served',
        tags,
        body: MinerRegistration,
        response: { 200: RegisteredMiner },
      },
    },
    async (request, reply) => {
      const { authorization } = request.headers;
      const caller = minerTokenOf(authorization) === undefined ? await callerOf(request, services) : undefined;
      const registered = await miners.register(request.body, caller, authorization);
      services.log.info({ node: registered.nodeId, state: registered.state }, 'a miner registered');
      return sendJson(reply, registered);
    },
  );
  app.post(
    '/v1/miners/heartbeat',
    {
      ...own,
      schema: {
        security,
        summary: 'Say that the miner lives, hear which jobs were cancelled',
        tags,
        body: MinerHeartbeat,
        response: { 200: MinerHeard },
      },
    },
    async (request, reply) => sendJson(reply, await miners.heartbeat(nodeOf(request), request.body)),
  );
  const watch = watchHangUps(app);
  app.post(
    '/v1/miners/poll',
    {
      ...own,
      schema: {
        security,
        summary: 'Wait for a job; 204 when none came in time',
        tags,
        body: MinerPoll,
        response: { 200: MinerWork, 204: Type.Null() },
      },
    },
    async (request, reply) => {
      const hangUp = watch(reply.raw);
      const nodeId = nodeOf(request);
      const work = await miners.poll(nodeId, request.body, hangUp.controller.signal);
      hangUp.stop();
      const fetched = work?.request;
      if (fetched) {
        const giveBack = (): void => {
          if (!reply.raw.writableFinished) miners.undelivered(nodeId, fetched);
        };
        if (reply.raw.destroyed) giveBack();
        else reply.raw.once('close', giveBack);
      }
      return work === undefined ? reply.code(204).send(null) : sendJson(reply, work);
    },
  );
  registerWords(app, services, { own, nodeOf });
}

type Own = {
  own: { config: typeof config; onRequest(request: FastifyRequest): Promise<void> };
  nodeOf(request: FastifyRequest): string;
};

function registerWords(app: RelayApp, { miners }: RelayServices, { own, nodeOf }: Own): void {
  app.post(
    '/v1/miners/result',
    {
      ...own,
      bodyLimit: MOST_RESULT_BYTES,
      schema: {
        security,
        summary: 'Answer a job, or send a piece of its text',
        tags,
        body: MinerResult,
        response: { 200: MinerAck },
      },
    },
    async (request, reply) => {
      miners.result(nodeOf(request), request.body);
      return sendJson(reply, { accepted: true });
    },
  );
  app.post(
    '/v1/miners/fail',
    {
      ...own,
      schema: {
        security,
        summary: 'Give a job back, with the reason',
        tags,
        body: MinerFailure,
        response: { 200: MinerAck },
      },
    },
    async (request, reply) => {
      miners.fail(nodeOf(request), request.body);
      return sendJson(reply, { accepted: true });
    },
  );
  app.post(
    '/v1/miners/drain',
    {
      ...own,
      schema: {
        security,
        summary: 'Take no more jobs, and leave with the last one',
        tags,
        body: MinerDrain,
        response: { 200: MinerDrained },
      },
    },
    async (request, reply) => sendJson(reply, miners.drain(nodeOf(request))),
  );
}
