import type { AgentLog } from '../../../shared/agent/log.ts';
import { Health } from '../../../shared/api/health.ts';
import type { MdnsNetwork } from '../../../shared/discovery/mdns-network.ts';
import { Problem } from '../../../shared/problems/problem.ts';
import { readAtMost } from '../../../shared/protocol/read-body.ts';
import { validatorOf } from '../../../shared/protocol/validator.ts';
import { fetchTrusting } from '../fetch-trusting.ts';
import { inspectServer } from '../inspect-server.ts';
import { type FindOptions, type FoundRelay, findRelays } from './find-relays.ts';

export type DiscoverOptions = {
  network: MdnsNetwork;
  /** What the node would show the relay that it finds. */
  joinToken?: string | undefined;
  /** Tells a person what was found. */
  say(line: string): void;
  log: AgentLog;
  timeoutMs?: number;
  settleMs?: number;
};

const TIMEOUT_MS = 5_000;
/** Responders wait up to 120 ms (RFC 6762, 6); the rest is for a slow machine and for asking it. */
const SETTLE_MS = 1_000;
const ANSWER_TIMEOUT_MS = 2_000;
/** Several times what a relay says of its health; anybody on the network may answer. */
const ANSWER_MOST_BYTES = 64 * 1024;

/**
 * The address of the one relay on the local network.
 *
 * Errors: `relay_unreachable` when there is none, `invalid_option` when there are several, or when a secret would be
 * shown to whoever answers first.
 */
export async function discoverRelay(options: DiscoverOptions): Promise<string> {
  if (options.joinToken !== undefined) {
    throw new Problem(
      'invalid_option',
      'A join token is not shown to a relay that was only discovered, because anyone on the network can say to be one. Name the relay with --relay.',
    );
  }
  const { timeoutMs = TIMEOUT_MS, settleMs = SETTLE_MS, network } = options;
  const { relays, ignored } = await find({ network, timeoutMs, settleMs, answers: isRelay }, options.log);
  for (const relay of relays) options.say(`found ${describe(relay)}`);
  if (ignored > 0) options.say(`ignored ${ignored} that did not answer or speak another protocol`);
  return oneOf(relays, timeoutMs).url;
}

/**
 * Where a relay is that was lost: the one with the key that the node knows, or the only one for a node that knows none.
 * Undefined when it is not found; never rejects.
 */
export async function findRelayAgain(options: {
  network: MdnsNetwork;
  knownKey: string | undefined;
  log: AgentLog;
  timeoutMs?: number;
  settleMs?: number;
}): Promise<string | undefined> {
  const { network, knownKey, timeoutMs = TIMEOUT_MS, settleMs = SETTLE_MS } = options;
  try {
    const { relays } = await find({ network, timeoutMs, settleMs, answers: isRelay }, options.log);
    const right = relays.filter(({ announcement }) => knownKey === undefined || announcement.relayKey === knownKey);
    return right.length === 1 ? right[0]?.url : undefined;
  } catch {
    return undefined; // Logged by `find`.
  }
}

/** The one that was found. Errors as for `discoverRelay`. */
export function oneOf(relays: readonly FoundRelay[], waitedMs: number): FoundRelay {
  const [first, ...others] = relays;
  if (first === undefined) {
    throw new Problem(
      'relay_unreachable',
      `No relay was found on the local network within ${waitedMs / 1_000} s. One announces itself when it was started with --host 0.0.0.0 or --announce; any can be named with --relay.`,
    );
  }
  if (others.length === 0) return first;
  const list = relays.map(({ name, url }) => `${name} (--relay ${url})`).join(', ');
  throw new Problem('invalid_option', `There are ${relays.length} relays here: ${list}. Name one of them.`);
}

async function find(options: FindOptions, log: AgentLog) {
  try {
    return await findRelays(options);
  } catch (error) {
    log.warn({ reason: String(error) }, 'multicast DNS failed');
    throw new Problem(
      'relay_unreachable',
      'This machine cannot look for relays on its network. Name one with --relay.',
      {
        cause: error,
      },
    );
  }
}

function describe({ name, url, announcement }: FoundRelay): string {
  const key = announcement.relayKey === undefined ? '' : `, key ${announcement.relayKey}`;
  return `${name} at ${url} (version ${announcement.version}${key})`;
}

/** Whether it is the right relay is for the pairing to find out; here it only has to be one. */
async function fetchFor(url: string, signal: AbortSignal): Promise<typeof fetch> {
  if (!url.startsWith('https:')) return fetch;
  const { isTrusted, authority } = await inspectServer(url, signal);
  return isTrusted || authority === undefined ? fetch : fetchTrusting(authority);
}

const isHealth = validatorOf(Health);

/** Asks an address who it is. */
async function isRelay(url: string): Promise<boolean> {
  try {
    const signal = AbortSignal.timeout(ANSWER_TIMEOUT_MS);
    const response = await (await fetchFor(url, signal))(`${url}/v1/health`, { signal, redirect: 'error' });
    const said = await readAtMost(response.body, ANSWER_MOST_BYTES);
    return said !== undefined && isHealth.Check(JSON.parse(new TextDecoder().decode(said)));
  } catch {
    return false;
  }
}
