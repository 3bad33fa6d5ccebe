import { generateKeyPairSync } from 'node:crypto';
import WebSocket from 'ws';
import type { BusSocket } from '../../shared/agent/nats-connection.ts';
import type { NodeTls } from '../../shared/agent/relay-tls.ts';
import { fetchTrusting } from './fetch-trusting.ts';
import { inspectServer } from './inspect-server.ts';

/**
 * TLS as Node speaks it, in Electron's main process too. The key lives as long as this process and is never written:
 * a node asks for credentials at every start, and its certificate comes with them.
 */
export function createNodeTls(): NodeTls {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const key = privateKey.export({ type: 'pkcs8', format: 'pem' });
  return {
    publicKey: publicKey.export({ type: 'spki', format: 'der' }).toString('base64url'),
    inspect: inspectServer,
    fetchTrusting,
    openSocket: (url, { authority, certificate }) => {
      const socket = new WebSocket(url, {
        ...(authority === undefined ? {} : { ca: authority }),
        ...(certificate === undefined ? {} : { cert: certificate, key }),
        perMessageDeflate: false,
      });
      // Until its owner listens, an unheard error would end the process.
      socket.on('error', () => undefined);
      return { socket: socket as unknown as BusSocket['socket'], drop: () => socket.terminate() };
    },
  };
}
