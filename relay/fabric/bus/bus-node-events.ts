import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';
import { Problem } from '../../../shared/problems/problem.ts';
import type { RelayLog } from '../../log.ts';
import type { BusConnection } from './bus-connection.ts';

export type NodeEvents = {
  /** A user of the fabric came: `U…`, as the server authenticated it. */
  onConnect(listener: (publicKey: string) => void): void;
  /** The last connection of a user has ended. */
  onDisconnect(listener: (publicKey: string) => void): void;
  /** Makes the servers take a newer token of the account, and drop whom it revokes. Throws `bus_unavailable`. */
  updateAccount(jwt: string): Promise<void>;
};

const UserEvent = Type.Object({
  server: Type.Object({ id: Type.String() }),
  client: Type.Object({ id: Type.Integer(), user: Type.Optional(Type.String()), jwt: Type.Optional(Type.String()) }),
});
type UserEvent = Static<typeof UserEvent>;

const UPDATE_TIMEOUT_MS = 2_000;

export type WatchedAccount = {
  account: string;
  /** The relay's own key. */
  self: string;
  /** Settles when whatever the account's users have said so far has been heard, over a connection of its own. */
  heardAll(): Promise<unknown>;
};

/**
 * Listens to the server's own events about the users of one account; the relay's own coming and going is none.
 *
 * Invariants: (1) a user is known by the key it was authenticated with, never by the name it gave; (2) a disconnect is
 * told only when no other connection of the same key is known to live, so that the late end of a lost connection does
 * not take a node away that has come back, and before what comes of that key later; (3) what was known is forgotten when events
 * may have been missed; (4) what a node said before it went is heard first.
 */
export function listenForNodeEvents(
  system: BusConnection,
  { account, self, heardAll }: WatchedAccount,
  log: RelayLog,
): NodeEvents {
  const { connection } = system;
  const live = new Map<string, Set<string>>();
  const leaving = new Set<string>();
  const listeners = { connect: [] as KeyListener[], disconnect: [] as KeyListener[] };

  const attempt = (step: () => void): void => {
    try {
      step();
    } catch (fault) {
      log.error({ err: fault }, 'an event of the bus could not be handled');
    }
  };
  const tellGone = (publicKey: string): void => {
    if (!leaving.delete(publicKey)) return;
    for (const listener of listeners.disconnect) listener(publicKey);
  };
  const subscribe = (kind: string, handle: (publicKey: string, connectionId: string) => void): void => {
    connection.subscribe(`$SYS.ACCOUNT.${account}.${kind}`, {
      callback: (error, message) => {
        const event = error === null ? readEvent(message.data) : undefined;
        const publicKey = event && authenticatedKey(event);
        if (event === undefined || publicKey === undefined || publicKey === self) return;
        attempt(() => handle(publicKey, `${event.server.id}/${event.client.id}`));
      },
    });
  };
  subscribe('CONNECT', (publicKey, id) => {
    tellGone(publicKey);
    live.set(publicKey, (live.get(publicKey) ?? new Set()).add(id));
    for (const listener of listeners.connect) listener(publicKey);
  });
  subscribe('DISCONNECT', (publicKey, id) => {
    const connections = live.get(publicKey);
    connections?.delete(id);
    if (connections !== undefined && connections.size > 0) return;
    live.delete(publicKey);
    leaving.add(publicKey);
    const tell = (): void => attempt(() => tellGone(publicKey));
    heardAll().then(tell, tell);
  });
  system.onDown(() => {
    live.clear();
    leaving.clear();
  });

  return {
    onConnect: (listener) => listeners.connect.push(listener),
    onDisconnect: (listener) => listeners.disconnect.push(listener),
    updateAccount: (jwt) => updateAccount(system, jwt),
  };
}

type KeyListener = (publicKey: string) => void;

function readEvent(data: Uint8Array): UserEvent | undefined {
  const value: unknown = JSON.parse(new TextDecoder().decode(data));
  return Value.Check(UserEvent, value) ? value : undefined;
}

/** `user` is what the client called itself, if it did; its token is what the server has checked. */
function authenticatedKey({ client }: UserEvent): string | undefined {
  return client.jwt === undefined ? client.user : subjectOf(client.jwt);
}

function subjectOf(jwt: string): string | undefined {
  const [, claims = ''] = jwt.split('.');
  const { sub } = JSON.parse(Buffer.from(claims, 'base64url').toString()) as { sub?: unknown };
  return typeof sub === 'string' ? sub : undefined;
}

const UpdateAnswer = Type.Object({ error: Type.Optional(Type.Object({ description: Type.String() })) });

async function updateAccount(system: BusConnection, jwt: string): Promise<void> {
  let answer: unknown;
  try {
    const reply = await system.connection.request('$SYS.REQ.CLAIMS.UPDATE', jwt, { timeout: UPDATE_TIMEOUT_MS });
    answer = reply.json();
  } catch (cause) {
    throw new Problem('bus_unavailable', 'The bus did not take the new rights of its account. Try again.', { cause });
  }
  if (!Value.Check(UpdateAnswer, answer) || answer.error !== undefined) {
    throw new Error('nats-server refused the account token', { cause: answer });
  }
}
