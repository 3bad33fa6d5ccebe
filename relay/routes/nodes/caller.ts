import type { FastifyRequest } from 'fastify';
import { assertScope } from '../../access/api-keys.ts';
import { listenerUrlFor } from '../../fabric/nats-server/bus-listener-url.ts';
import { isLoopback as isLoopbackName, lanUrl } from '../../lan-url.ts';
import type { Caller } from '../../pairing/pairing.ts';
import type { RelayServices } from '../../services.ts';
import { isOwnPage } from '../http/assert-own-page.ts';

const PROXY_HEADERS = ['forwarded', 'x-forwarded-for', 'x-real-ip', 'via'];

/**
 * Who asks for a node: a machine is trusted if it is this one (loopback, not through a proxy) or shows the admin token. A page
 * of somebody else is not this machine, though its browser is: its name may have been made to point here.
 * Errors: `invalid_api_key`, `insufficient_scope` for a token that is not the admin's.
 */
export async function callerOf(request: FastifyRequest, services: RelayServices): Promise<Caller> {
  const isLocal = isFromThisMachine(request) && isOwnPage(request.headers, services.publicUrl);
  const caller = { address: addressOf(request), busUrl: busUrlOf(request, services) };
  const { authorization } = request.headers;
  if (authorization === undefined) return { ...caller, trust: isLocal ? 'local' : undefined };
  assertScope(await services.keys.authenticate(authorization), 'admin');
  return { ...caller, trust: 'admin' };
}

/** The address under which the client reached this relay, as far as it can be told. */
export function originOf(request: FastifyRequest): string {
  return `${request.protocol}://${request.host}`;
}

/** The same, but for an operator on the relay's machine: where other machines reach it, if they can. */
export function originForOthers(request: FastifyRequest): string {
  const origin = originOf(request);
  const listener = request.server.server.address();
  if (listener === null || typeof listener === 'string' || !isLoopbackName(new URL(origin).hostname)) return origin;
  const host = listener.family === 'IPv6' ? `[${listener.address}]` : listener.address;
  return lanUrl(`${request.protocol}://${host}:${listener.port}`) ?? origin;
}

/** A reverse proxy on this machine makes the whole internet look like loopback. */
function isFromThisMachine(request: FastifyRequest): boolean {
  return isLoopback(request.socket.remoteAddress) && !cameThroughProxy(request);
}

function busUrlOf(request: FastifyRequest, { busListener }: RelayServices): string | undefined {
  if (busListener === undefined || cameThroughProxy(request)) return undefined;
  const { localAddress, localPort } = request.socket;
  return listenerUrlFor(busListener, { host: request.headers.host, localAddress, localPort });
}

function cameThroughProxy({ headers }: FastifyRequest): boolean {
  return PROXY_HEADERS.some((name) => name in headers);
}

/** Where a request comes from: the peer, or what a proxy on this machine says of it. */
export function addressOf(request: FastifyRequest): string {
  const peer = request.socket.remoteAddress ?? 'unknown';
  const forwarded = request.headers['x-forwarded-for'];
  if (forwarded === undefined || !isLoopback(peer)) return peer;
  // The last entry is what the proxy of this machine saw; those before are hearsay.
  return [forwarded].flat().join(',').split(',').at(-1)?.trim().slice(0, 64) || peer;
}

function isLoopback(address: string | undefined): boolean {
  return address === '::1' || /^(::ffff:)?127\./.test(address ?? '');
}
