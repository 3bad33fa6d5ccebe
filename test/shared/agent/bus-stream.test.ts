import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createBusStreamCheck } from '../../../shared/agent/bus-stream.ts';

const SOUND = [
  'INFO {"server_id":"ü","headers":true} \r\n',
  'PING\r\n',
  'PONG\r\n',
  '+OK\r\n',
  "-ERR 'Authorization Violation'\r\n",
  'MSG node.x.ping 1 0\r\n\r\n',
  'MSG node.x.ping 1 fabric.reply.x.r.1 7\r\nM\r\nSG a\r\n',
  'HMSG node.x.llm.request 1 fabric.reply.x.r.2 12 15\r\nNATS/1.0\r\n\r\nabc\r\n',
];
const UNSOUND = [
  'HTTP/1.1 200 OK\r\n',
  'PING\n',
  'INFO nothing\r\n',
  'MSG node.x.ping 1\r\n',
  'MSG node.x.ping 1 -1\r\n',
  'MSG node.x.ping 1 2\r\nabc\r\n',
  'HMSG node.x.ping 1 9 8\r\n',
];

function passes(text: string, cuts: readonly number[]): boolean {
  const bytes = new TextEncoder().encode(text);
  const check = createBusStreamCheck();
  const ends = [...new Set(cuts.map((cut) => cut % bytes.length)), bytes.length].sort((a, b) => a - b);
  return ends.every((end, index) => check(bytes.subarray(ends[index - 1] ?? 0, end)));
}

test('what a server of the bus says passes, however it is cut, and nothing else does', () => {
  const cuts = fc.array(fc.nat(), { maxLength: 20 });
  const said = fc.array(fc.constantFrom(...SOUND), { maxLength: 10 }).map((lines) => lines.join(''));
  fc.assert(fc.property(said, cuts, (text, at) => assert.equal(passes(text, at), true)));
  fc.assert(
    fc.property(said, fc.constantFrom(...UNSOUND), cuts, (text, wrong, at) =>
      assert.equal(passes(text + wrong, at), false),
    ),
  );
});
