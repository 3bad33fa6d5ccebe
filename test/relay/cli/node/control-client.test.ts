/** What answers at the address of a node may be of another version, hang, or be no node at all. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { askNode, type FoundNode, findNodes } from '../../../../relay/cli/node/control-client.ts';
import { ANSWER_LINE_MOST_BYTES, controlLine } from '../../../../shared/control/control-protocol.ts';
import { afterTest } from '../../../support/after-test.ts';
import { TEST_STATUS } from '../../../support/control.ts';
import { isProblem } from '../../../support/problems.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';

const version = 1;
const STATUS = { version, ask: 'status' } as const;

/** Somebody who answers every connection as the test says. */
async function nodeThat(t: TestContext, answer: (socket: Socket) => void): Promise<FoundNode> {
  const folder = temporaryFolder(t);
  const address = join(folder, 'a.sock');
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    answer(socket);
  });
  server.listen({ path: address });
  await once(server, 'listening');
  afterTest(t, () => server.close());
  writeFileSync(join(folder, 'a.json'), JSON.stringify({ version, address, pid: 4711 }));
  const [found] = await findNodes([folder]);
  assert.ok(found);
  afterTest(t, () => found.socket.destroy());
  return found;
}

test('who never answers is not waited for', async (t) => {
  const node = await nodeThat(t, () => undefined);
  await assert.rejects(
    askNode(node, STATUS, 50).next(),
    isProblem('node_unreachable', /Process 4711 runs and does not/),
  );
});

test('who ends in the middle of an answer is told as lost', async (t) => {
  const half = controlLine({ version, answer: 'status', status: TEST_STATUS }).slice(0, 40);
  const node = await nodeThat(t, (socket) => void socket.end(half));
  await assert.rejects(askNode(node, STATUS).next(), isProblem('node_lost', /Process 4711 ended/));
});

test('what is no answer, or of another version, is not taken for one', async (t) => {
  for (const line of ['hello', '{}', '{"version":2,"answer":"end"}', '{"version":1,"answer":"status","status":{}}']) {
    const node = await nodeThat(t, (socket) => void socket.write(`${line}\n`));
    await assert.rejects(askNode(node, STATUS).next(), isProblem('protocol_violation', /of the same version/), line);
  }
});

test('an answer without an end is not kept', async (t) => {
  const node = await nodeThat(t, (socket) => void socket.write('x'.repeat(ANSWER_LINE_MOST_BYTES + 1)));
  await assert.rejects(askNode(node, STATUS).next(), isProblem('invalid_value', /at most/));
});

test('the problem of the node is the problem of whoever asks', async (t) => {
  const problem = { code: 'node_busy', detail: 'Too many.' };
  const node = await nodeThat(t, (socket) => void socket.write(controlLine({ version, answer: 'problem', problem })));
  await assert.rejects(askNode(node, STATUS).next(), isProblem('node_busy', /^Too many\.$/));
});

test('places that lead nowhere, to no path or are damaged are passed over', async (t) => {
  const folder = temporaryFolder(t);
  const place = (name: string, address: string) =>
    writeFileSync(join(folder, `${name}.json`), JSON.stringify({ version, address, pid: 1 }));
  place('gone', join(folder, 'gone.sock'));
  place('port', '127.0.0.1:80');
  place('relative', 'a.sock');
  writeFileSync(join(folder, 'half.json'), '{"version":1,');
  mkdirSync(join(folder, 'folder.json'));
  assert.deepEqual(await findNodes([folder, join(folder, 'none'), join(folder, 'half.json')]), []);
});
