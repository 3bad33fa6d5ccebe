/** What the ledger is told of all that leaves the machine: of what kind, for whom and how much. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { countDepartures } from '../../../main/node/departures.ts';
import type { BusConnection } from '../../../shared/agent/nats-connection.ts';
import { subjects } from '../../../shared/protocol/subjects.ts';
import { collectLog } from '../../support/log.ts';

function openCounter() {
  const lines: string[] = [];
  const counter = countDepartures(
    ({ kind, to, sizeBytes }) => void lines.push(`${kind} ${to} ${sizeBytes}`),
    () => 0,
    collectLog(),
  );
  const flushed = (): string[] => {
    counter.flush();
    return lines.splice(0);
  };
  return { counter, flushed };
}

test('requests are told apart by what they are for, with the bytes of what they carry', async () => {
  const { counter, flushed } = openCounter();
  const sent: string[] = [];
  const fetch = counter.fetch(async (input) => {
    sent.push(input instanceof Request ? input.url : String(input));
    return new Response();
  });
  const relay = 'https://relay.example:8443';
  await fetch(`${relay}/v1/pairing/complete`, { method: 'POST', body: 'äb' });
  await fetch(new URL('/v1/nodes/enroll', relay), { method: 'POST', body: new Uint8Array(7) });
  await fetch(new Request(`${relay}/v1/nodes/records`));
  // Who enrols or asks for records begins so, too.
  await fetch(`${relay}/v1/pairing/challenge`, { method: 'POST', body: 'c' });
  await fetch('https://other.example/v1/nodes/enroll/more');
  assert.equal(sent.length, 5);
  assert.deepEqual(flushed(), [
    'pairing relay.example:8443 3',
    'enrolment relay.example:8443 7',
    'records relay.example:8443 0',
    'request relay.example:8443 1',
    'request other.example 0',
  ]);
  assert.deepEqual(flushed(), [], 'each is told once');
});

test('what goes over the bus is a sign of life, a result or an answer', async () => {
  const { counter, flushed } = openCounter();
  const published: string[] = [];
  const bus = { publish: (subject: string) => void published.push(subject) } as unknown as BusConnection;
  const { publish } = await counter.connect(async () => bus)({ url: 'wss://bus.example' } as never);
  const sent = [subjects.heartbeat('n'), subjects.result('n'), '_INBOX.a.b', '_INBOX.c.d'];
  for (const subject of sent) publish(subject, new Uint8Array(5));
  assert.deepEqual(published, sent);
  assert.deepEqual(flushed(), ['heartbeat bus.example 5', 'result bus.example 5', 'answer bus.example 10']);
});
