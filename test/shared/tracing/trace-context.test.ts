import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatTraceparent, newSpanId, newTraceId, parseTraceparent } from '../../../shared/tracing/trace-context.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN = '00f067aa0ba902b7';

test('reads the example of the standard, and writes it as it was', () => {
  const text = `00-${TRACE}-${SPAN}-01`;
  const context = parseTraceparent(text);
  assert.deepEqual(context, { traceId: TRACE, spanId: SPAN, sampled: true });
  assert.equal(formatTraceparent(context ?? assert.fail()), text);
  assert.equal(parseTraceparent(`00-${TRACE}-${SPAN}-00`)?.sampled, false);
  assert.equal(parseTraceparent(`00-${TRACE}-${SPAN}-03`)?.sampled, true);
  const round = {
    traceId: `${'0'.repeat(15)}7${'0'.repeat(16)}`,
    spanId: `${'0'.repeat(7)}a${'0'.repeat(8)}`,
    sampled: false,
  };
  assert.deepEqual(parseTraceparent(formatTraceparent(round)), round);
});

test('reads what a later version begins with', () => {
  assert.equal(parseTraceparent(`cc-${TRACE}-${SPAN}-01-what-comes`)?.traceId, TRACE);
  assert.equal(parseTraceparent(`cc-${TRACE}-${SPAN}-01`)?.traceId, TRACE);
});

test('takes nothing else for a place in a trace', () => {
  for (const text of [
    '',
    'x',
    `ff-${TRACE}-${SPAN}-01`,
    `00-${TRACE}-${SPAN}-01-more`,
    `00-${'0'.repeat(32)}-${SPAN}-01`,
    `00-${TRACE}-${'0'.repeat(16)}-01`,
    `00-${TRACE.toUpperCase()}-${SPAN}-01`,
    `00-${TRACE}-${SPAN}`,
    `00-${TRACE}0-${SPAN}-01`,
    `${' '}00-${TRACE}-${SPAN}-01`,
    `cc-${TRACE}-${SPAN}-01.what`,
  ]) {
    assert.equal(parseTraceparent(text), undefined, text);
  }
});

test('makes ids that are never all zeros', () => {
  let calls = 0;
  const fill = (bytes: Uint8Array): void => void bytes.fill(calls++ === 0 ? 0 : 0x0b);
  assert.equal(newSpanId(fill), '0b'.repeat(8));
  assert.equal(newTraceId(fill), '0b'.repeat(16));
  assert.equal(calls, 3);
});
