import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { BusConnection } from '../../../relay/fabric/bus-connection.ts';
import { createOutbox } from '../../../relay/fabric/bus-outbox.ts';

function setUp() {
  const sent: string[] = [];
  const state = { connected: true };
  const connection = {
    publish: (subject: string, _data: Uint8Array, { reply }: { reply?: string }) => {
      sent.push(reply === undefined ? subject : `${subject} to ${reply}`);
    },
  } as unknown as BusConnection['connection'];
  const outbox = createOutbox({
    connection,
    isConnected: () => state.connected,
    onDown: () => undefined,
    onUp: () => undefined,
  });
  const add = (subject: string, reply?: string): void => outbox.add(subject, new Uint8Array(), reply);
  return { outbox, add, sent, state };
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
