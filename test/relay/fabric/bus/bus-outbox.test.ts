import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { PublishOptions } from '@nats-io/transport-node';
import type { BusConnection } from '../../../../relay/fabric/bus/bus-connection.ts';
import { createOutbox } from '../../../../relay/fabric/bus/bus-outbox.ts';

function setUp() {
  const sent: string[] = [];
  const headed: unknown[] = [];
  const state = { connected: true };
  const connection = {
    publish: (subject: string, _data: Uint8Array, { reply, ...more }: PublishOptions) => {
      headed.push('headers' in more ? Object.fromEntries(more.headers ?? []) : more);
      sent.push(reply === undefined ? subject : `${subject} to ${reply}`);
    },
  } as unknown as BusConnection['connection'];
  const outbox = createOutbox({
    connection,
    isConnected: () => state.connected,
    onDown: () => undefined,
    onUp: () => undefined,
  });
  const add = (subject: string, reply?: string, traceparent?: string): void =>
    outbox.add(subject, new Uint8Array(), reply, traceparent);
  return { outbox, add, sent, headed, state };
}

test('messages of one turn leave together at its end, in the order they came', async () => {
  const { add, sent } = setUp();
  add('a', 'inbox');
  await Promise.resolve();
  add('b');
  assert.deepEqual(sent, []);
  await nextTurn();
  assert.deepEqual(sent, ['a to inbox', 'b']);
  add('c');
  await nextTurn();
  assert.deepEqual(sent, ['a to inbox', 'b', 'c']);
});

test('what waits when the connection is lost is dropped, and does not come later', async () => {
  const { add, sent, state } = setUp();
  add('a');
  state.connected = false;
  await nextTurn();
  state.connected = true;
  add('b');
  await nextTurn();
  assert.deepEqual(sent, ['b']);
});

test('a flush sends what waits at once, and nothing twice', async () => {
  const { outbox, add, sent } = setUp();
  add('a');
  outbox.flush();
  assert.deepEqual(sent, ['a']);
  await nextTurn();
  assert.deepEqual(sent, ['a']);
});

test('[W1] only a message that belongs to a trace has headers', () => {
  const { outbox, add, headed } = setUp();
  add('a', 'inbox');
  add('b', 'inbox', '00-aa-bb-01');
  add('c');
  outbox.flush();
  assert.deepEqual(headed, [{}, { traceparent: ['00-aa-bb-01'] }, {}]);
});
