import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { MsgHdrs } from '@nats-io/transport-node';
import fc from 'fast-check';
import { ownedBus } from '../../../relay/fabric/bus/bus-address.ts';
import { openBusConnection } from '../../../relay/fabric/bus/bus-connection.ts';
import { mintNodeCredentials } from '../../../relay/fabric/bus/credentials.ts';
import { createNKey } from '../../../relay/fabric/bus/nkey.ts';
import { type BusMessage, connectToBus } from '../../../shared/agent/nats-connection.ts';
import { signerOfSeed } from '../../../shared/identity/signer.ts';
import { LIMITS } from '../../../shared/protocol/limits.ts';
import { traceOf } from '../../../shared/tracing/message-trace.ts';
import { afterTest } from '../../support/after-test.ts';
import { startTestNats } from '../../support/bus/nats.ts';
import { collectLog } from '../../support/log.ts';
import { until } from '../../support/until.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN = '00f067aa0ba902b7';
const VALID = `00-${TRACE}-${SPAN}-01`;
const CONTEXT = { traceId: TRACE, spanId: SPAN, sampled: true };
const NODE = 'attic-a';
const block = (...lines: string[]): string => `NATS/1.0\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\n`;

/** Headers that somebody wrote by hand, and what is to be read from them. */
const WELL_KNOWN: [headers: string, trace: typeof CONTEXT | undefined][] = [
  [block(`traceparent: ${VALID}`), CONTEXT],
  [block('tracestate: a=b', `traceparent:${VALID}`, 'x: y'), CONTEXT],
  [block(`traceparent: ${VALID}`, `traceparent: ${VALID}`), undefined],
  [block('traceparent: '), undefined],
  [block('traceparent'), undefined],
  [block(`traceparent: ${VALID.toUpperCase()}`), undefined],
  [block(`traceparent: ${VALID}-and-more`), undefined],
  [block(`traceparent: 00-${'0'.repeat(32)}-${SPAN}-01`), undefined],
  // A name that no header can have: the library throws when it reads them.
  [block('a b: c', `traceparent: ${VALID}`), undefined],
  [block(`traceparent: cc-${TRACE}-${SPAN}-01-${'x'.repeat(LIMITS.maxHeaderBytes)}`), undefined],
  [block(...Array.from({ length: 50_000 }, (_, i) => `h${i}: x`), `traceparent: ${VALID}`), undefined],
  [`NATS/1.0 100 Idle\r\ntraceparent: ${VALID}\r\n\r\n`, CONTEXT],
];

const value = fc.oneof(
  fc.string(),
  fc.string({ unit: 'binary' }),
  fc.stringMatching(/^[0-9a-f]{2}-[0-9a-fA-F]{30,34}-[0-9a-f]{15,17}-[0-9a-g]{2}.{0,3}$/),
  fc.constantFrom('', '-', '__proto__', `${VALID}\r\nx: y`, `\u0000${VALID}`, `${VALID},${VALID}`, '０'.repeat(55)),
);
const name = fc.oneof(fc.constantFrom('traceparent', 'Traceparent', 'tracestate', '__proto__', ''), fc.string());
const hostile = fc.oneof(
  value.map((text) => Buffer.from(block(`traceparent: ${text}`))),
  fc.array(fc.tuple(name, value)).map((lines) => Buffer.from(block(...lines.map((line) => line.join(': '))))),
  fc.uint8Array({ minLength: 1, maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
);

/** Headers as they are, whatever they are. */
function raw(bytes: Uint8Array): MsgHdrs {
  return { encode: () => bytes } as unknown as MsgHdrs;
}

test('[W4] a node hears every message, and reads a place in a trace only where one stands properly', async (t) => {
  const nats = await startTestNats(t);
  const key = createNKey('user');
  const { jwt } = mintNodeCredentials(nats.identity, { nodeId: NODE, publicKey: key.publicKey, lifetimeSeconds: 60 });
  const node = await connectToBus({
    ...{ url: nats.server.websocketUrl, nodeId: NODE, inboxPrefix: `_INBOX_${NODE}`, jwt: () => jwt },
    ...{ key: await signerOfSeed(new TextEncoder().encode(key.seed)), signal: AbortSignal.timeout(60_000) },
    ...{ onDown: () => undefined, onUp: () => undefined },
  });
  afterTest(t, node.close);
  const heard: BusMessage[] = [];
  node.subscribe(`node.${NODE}.>`, (message) => heard.push(message));
  await node.flush();
  const { connection } = await openBusConnection(ownedBus(nats.server.url, nats.identity).fabric, 'test', collectLog());
  afterTest(t, () => connection.close());

  const blocks = [...WELL_KNOWN.map(([text]) => Buffer.from(text)), ...fc.sample(hostile, { seed: 8, numRuns: 600 })];
  for (const [i, headers] of blocks.entries()) {
    connection.publish(`node.${NODE}.x`, `${i}`, { headers: raw(headers), ...(i % 2 === 0 ? {} : { reply: 'r' }) });
  }
  connection.publish(`node.${NODE}.x`, `${blocks.length}`);
  await until(() => heard.length === blocks.length + 1);
  for (const [i, { data, trace }] of heard.entries()) {
    assert.equal(Buffer.from(data).toString(), `${i}`);
    const headers = blocks[i]?.toString() ?? '';
    if (i < WELL_KNOWN.length) assert.deepEqual(trace, WELL_KNOWN[i]?.[1], headers.slice(0, 200));
    else if (trace !== undefined)
      assert.match(headers, new RegExp(`traceparent: .*-${trace.traceId}-${trace.spanId}-`));
  }
});

test('[W4] whatever a library makes of headers, reading them does not throw', () => {
  const values = fc.oneof(fc.array(fc.oneof(value, fc.constant(VALID))), fc.constant(undefined));
  const size = fc.oneof(fc.integer({ min: -10, max: 2 ** 31 }), fc.constant(undefined));
  fc.assert(
    fc.property(values, size, fc.uint8Array(), (given, bytes, data) => {
      const message = {
        ...{ subject: 's', data, ...(bytes && { size: () => bytes }) },
        get headers() {
          const values = given ?? assert.fail('this name is none');
          return { values: () => values };
        },
      };
      const headerBytes = (bytes ?? 0) - 1 - data.length;
      const isRead = headerBytes > 0 && headerBytes <= LIMITS.maxHeaderBytes && given?.length === 1;
      if (!isRead) assert.equal(traceOf(message), undefined);
      else if (given[0] === VALID) assert.deepEqual(traceOf(message), CONTEXT);
      else traceOf(message);
    }),
    { seed: 9 },
  );
  assert.equal(traceOf({ subject: 's', data: new Uint8Array(), size: () => 100 }), undefined);
});
