import type { AgentLog } from '../../shared/agent/log.ts';
import type { ConnectToBus } from '../../shared/agent/nats-connection.ts';
import type { LedgerDeparture } from '../../shared/ipc/ledger-views.ts';

export type DepartureCounter = {
  connect(connect: ConnectToBus): ConnectToBus;
  /** Something leaves by a third door, such as that of the updater. */
  note(kind: string, to: string, sizeBytes: number): void;
  fetch(fetch: typeof globalThis.fetch): typeof globalThis.fetch;
  /** Hands over what has been counted since. */
  flush(): void;
};

/**
 * Counts everything that leaves this machine through the two doors that the node has, the bus and fetch, and what others
 * tell of theirs: how much, of what kind and for whom; never what. Counting must not slow an answer down, so that it is written in bulk.
 */
export function countDepartures(
  add: (departure: Omit<LedgerDeparture, 'row'>) => void,
  now: () => number,
  log: AgentLog,
): DepartureCounter {
  const counted = new Map<string, { kind: string; to: string; sizeBytes: number }>();
  const note = (kind: string, to: string, sizeBytes: number): void => {
    const key = `${kind} ${to}`;
    const known = counted.get(key);
    if (known === undefined) counted.set(key, { kind, to, sizeBytes });
    else known.sizeBytes += sizeBytes;
  };
  return {
    note,
    connect: (connect) => async (options) => {
      const to = hostOf(options.url);
      const bus = await connect(options);
      const publish: typeof bus.publish = (subject, data) => {
        note(kindOf(subject), to, data.byteLength);
        bus.publish(subject, data);
      };
      return { ...bus, publish };
    },
    fetch: (fetch) => (input, init) => {
      const url = typeof input === 'string' ? input : input instanceof URL ? input.href : input.url;
      note(requestKind(url), hostOf(url), sizeOf(init?.body));
      return fetch(input, init);
    },
    flush: () => {
      try {
        for (const [key, departure] of counted) {
          add({ ...departure, at: now() });
          counted.delete(key);
        }
      } catch (err) {
        // As of a disk that is full. What is left is counted on, and written next time.
        log.error({ err }, 'what left this machine could not be written into the ledger');
      }
    },
  };
}

function kindOf(subject: string): string {
  if (subject.startsWith('fabric.heartbeat.')) return 'heartbeat';
  if (subject.startsWith('fabric.result.')) return 'result';
  return 'answer';
}

function requestKind(url: string): string {
  const path = URL.parse(url)?.pathname ?? '';
  // Every conversation begins as pairing does, with a challenge.
  if (path.endsWith('/pairing/complete')) return 'pairing';
  if (path.endsWith('/records')) return 'records';
  return path.endsWith('/enroll') ? 'enrolment' : 'request';
}

function hostOf(url: string): string {
  return URL.parse(url)?.host ?? 'unknown';
}

function sizeOf(body: unknown): number {
  if (typeof body === 'string') return Buffer.byteLength(body);
  return body instanceof Uint8Array ? body.byteLength : 0;
}
