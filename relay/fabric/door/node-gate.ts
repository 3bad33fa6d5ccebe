import { randomBytes } from 'node:crypto';
import type { Authenticator } from '@nats-io/transport-node';
import { Type } from 'typebox';
import { Problem } from '../../../shared/problems/problem.ts';
import { validatorOf } from '../../../shared/protocol/validator.ts';
import type { BusIdentity } from '../bus/bus-identity.ts';
import { type Revocations, readNodeCredentials } from '../bus/credentials.ts';
import { isSignedBy } from '../bus/nkey.ts';

/** Stands between nodes and a NATS server that does not know them. */
export type NodeGate = { newcomer(): Newcomer };

/** One node on its way in: `greet` before `admit`, each once. */
export type Newcomer = {
  /** What the node is told in place of the server's own `INFO` line. */
  greet(info: string): string;
  /**
   * What the server is told in place of the node's `CONNECT` line, and until when. Throws `pairing_required` for one that
   * holds no valid credentials of this relay, or not their key.
   */
  admit(connect: string): { line: string; expiresAt: number };
};

const isConnect = validatorOf(Type.Object({ jwt: Type.String(), sig: Type.String() }));
const isInfo = validatorOf(Type.Object({ nonce: Type.Optional(Type.String()) }));

export type NodeGateOptions = {
  identity: BusIdentity;
  /** The relay's own; an open server needs none. */
  login: Authenticator | undefined;
  /** Keys whose credentials are void, and until when those were issued. */
  revocations?: (() => Revocations) | undefined;
  now?: () => number;
};

/**
 * Lets in whoever holds node credentials of this relay, and enters the server for them with the relay's own login, which
 * they never see. The server then gives them all rights of that login.
 */
export function createNodeGate({ identity, login, revocations, now = Date.now }: NodeGateOptions): NodeGate {
  return {
    newcomer: () => {
      // Not the server's: an open one sends none.
      const nonce = randomBytes(16).toString('base64url');
      let serverNonce: string | undefined;
      return {
        greet: (line) => {
          const info = parseLine('INFO', line);
          if (!isInfo.Check(info)) throw new Problem('bus_unavailable', 'What answers here is no NATS server.');
          serverNonce = info.nonce;
          return `INFO ${JSON.stringify({ ...info, auth_required: true, nonce })}\r\n`;
        },
        admit: (line) => {
          const connect = parseLine('CONNECT', line);
          if (!isConnect.Check(connect)) throw refusal();
          const { jwt, sig, nkey: _nkey, user: _user, pass: _pass, auth_token: _token, ...rest } = connect as Connect;
          const node = readNodeCredentials(identity, jwt, now);
          if (node === undefined || !isSignedBy(node.publicKey, Buffer.from(nonce), Buffer.from(sig, 'base64'))) {
            throw refusal();
          }
          if (node.issuedAt <= (revocations?.()[node.publicKey] ?? -1)) throw refusal();
          const entry = { ...rest, ...login?.(serverNonce) };
          return { line: `CONNECT ${JSON.stringify(entry)}\r\n`, expiresAt: node.expiresAt };
        },
      };
    },
  };
}

type Connect = { jwt: string; sig: string; [member: string]: unknown };

function parseLine(verb: string, line: string): unknown {
  if (!line.startsWith(`${verb} `)) return undefined;
  try {
    return JSON.parse(line.slice(verb.length));
  } catch {
    return undefined;
  }
}

function refusal(): Problem {
  return new Problem('pairing_required', 'This is no node of the relay, or its credentials have expired.');
}
