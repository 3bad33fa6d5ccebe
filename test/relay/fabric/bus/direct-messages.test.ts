import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Kind, Parser } from '@nats-io/nats-core/internal';
import type { NatsConnection } from '@nats-io/transport-node';
import fc from 'fast-check';
import { ownedBus } from '../../../../relay/fabric/bus/bus-address.ts';
import { openBusConnection } from '../../../../relay/fabric/bus/bus-connection.ts';
import { takeDirectly } from '../../../../relay/fabric/bus/direct-messages.ts';
import { startTestNats } from '../../../support/bus/nats.ts';

type ParserEvent = { kind: number; msg?: { sid: number; subject: Uint8Array }; data?: Uint8Array };

const DIRECT = 7;
const decoder = new TextDecoder('latin1');

/** What comes out of these bytes, in order, with the messages of `DIRECT` taken before the library or not. */
function readAll(chunks: readonly Uint8Array[], isDirect: boolean): string[] {
  const seen: string[] = [];
  const parser = new Parser({
    push: (event) => {
      const { kind, msg, data } = event as ParserEvent;
      const token = msg === undefined ? '' : decoder.decode(msg.subject).split('.').at(-1);
      seen.push(kind === Kind.MSG ? `message ${msg?.sid} ${token} ${decoder.decode(data)}` : `operation ${kind}`);
    },
  });
  const connection = { protocol: { parser } };
  if (isDirect) {
    const take = (token: string, data: Uint8Array) => seen.push(`message ${DIRECT} ${token} ${decoder.decode(data)}`);
    assert.equal(takeDirectly(connection as unknown as NatsConnection, new Map([[DIRECT, take]])), true);
  }
  for (const chunk of chunks) connection.protocol.parser.parse(chunk);
  return seen;
}

const payload = fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes));
const word = fc.stringMatching(/^[a-z0-9-]{1,12}$/);
const line = (head: string, body: Buffer): Buffer =>
  Buffer.concat([Buffer.from(`${head}\r\n`), body, Buffer.from('\r\n')]);
const operation = fc.oneof(
  fc.tuple(word, fc.constantFrom(DIRECT, 3, 77), payload).map(([token, sid, body]) => {
    return line(`MSG fabric.reply.UNODE.relay.${token} ${sid} ${body.length}`, body);
  }),
  fc.tuple(word, payload).map(([token, body]) => line(`MSG a.${token} ${DIRECT} _INBOX.x ${body.length}`, body)),
  payload.map((body) => {
    const head = 'NATS/1.0 503\r\n\r\n';
    return line(
      `HMSG a.b ${DIRECT} ${head.length} ${head.length + body.length}`,
      Buffer.concat([Buffer.from(head), body]),
    );
  }),
  fc.constantFrom(Buffer.from('PING\r\n'), Buffer.from('PONG\r\n'), Buffer.from('+OK\r\n')),
);

test('messages that are taken directly come out as they would, whatever is around them and however the bytes are cut', () => {
  const cuts = fc.array(fc.nat({ max: 400 }), { maxLength: 6 });
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 12 }), cuts, (operations, places) => {
      const bytes = Buffer.concat(operations);
      const ends = [...places.filter((place) => place < bytes.length), bytes.length].sort((a, b) => a - b);
      const chunks = ends.map((end, i) => bytes.subarray(ends[i - 1] ?? 0, end));
      assert.deepEqual(readAll(chunks, true), readAll([bytes], false));
    }),
    { numRuns: 300 },
  );
});

test('the library is one around which messages can be led, also when its connection is made anew', async (t) => {
  const nats = await startTestNats(t);
  const { fabric } = ownedBus(nats.server.url, nats.identity);
  const bus = await openBusConnection(fabric, 'test', nats.log);
  const { connection } = bus;
  t.after(() => connection.close());
  const taken: string[] = [];
  const viaLibrary: string[] = [];
  const subscription = connection.subscribe('_RELAY.test.*', {
    callback: (_error, message) => void viaLibrary.push(message.string()),
  });
  const take = (token: string, data: Uint8Array) => taken.push(`${token} ${decoder.decode(data)}`);
  assert.equal(takeDirectly(connection, new Map([[subscription.getID(), take]])), true);
  connection.publish('_RELAY.test.a', 'one');
  await connection.flush();
  const isBack = Promise.withResolvers<void>();
  bus.onUp(isBack.resolve);
  await connection.reconnect();
  await isBack.promise;
  connection.publish('_RELAY.test.b', 'two');
  await connection.flush();
  assert.deepEqual([taken, viaLibrary], [['a one', 'b two'], []]);
});
