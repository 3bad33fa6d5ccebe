import { connect } from 'node:net';
import { Type } from 'typebox';
import { Problem } from '../../../shared/problems/problem.ts';
import { validatorOf } from '../../../shared/protocol/validator.ts';

/** What a NATS server says first, as far as it matters here. */
const Greeting = Type.Object({
  version: Type.String(),
  max_payload: Type.Integer(),
  auth_required: Type.Optional(Type.Boolean()),
  tls_required: Type.Optional(Type.Boolean()),
});
export type Greeting = { version: string; wantsCredentials: boolean; wantsTls: boolean };

const isGreeting = validatorOf(Greeting);
const TIMEOUT_MS = 5_000;
const MAX_BYTES = 65_536;

/** Reads the greeting of a NATS server. Throws `bus_unavailable` when there is none at this address. */
export async function readGreeting(host: string, port: number): Promise<Greeting> {
  const line = await readLine(host, port);
  const value = parseInfo(line);
  if (!isGreeting.Check(value)) {
    throw new Problem('bus_unavailable', `What answers at ${host}:${port} is no NATS server. Check --nats.`);
  }
  return {
    version: value.version,
    wantsCredentials: value.auth_required ?? false,
    wantsTls: value.tls_required ?? false,
  };
}

function readLine(host: string, port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const socket = connect({ host, port });
    const fail = (cause?: Error): void => {
      socket.destroy();
      reject(new Problem('bus_unavailable', `No NATS server answers at ${host}:${port}. Check --nats.`, { cause }));
    };
    socket.setTimeout(TIMEOUT_MS, fail);
    socket.once('error', fail);
    socket.once('end', fail);
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      const end = text.indexOf('\r\n');
      if (end < 0 && text.length < MAX_BYTES) return;
      socket.destroy();
      resolve(text.slice(0, Math.max(end, 0)));
    });
  });
}

function parseInfo(line: string): unknown {
  try {
    return JSON.parse(line.replace(/^INFO /, ''));
  } catch {
    return undefined;
  }
}
