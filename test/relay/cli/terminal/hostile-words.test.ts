/** What a relay, a node or a model says reaches a terminal without what the terminal would obey. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { writeAnswer } from '../../../../relay/cli/terminal/printable.ts';
import { resultText } from '../../../../relay/cli/terminal/tables.ts';
import { afterTest } from '../../../support/after-test.ts';
import { runSparewatt } from '../../../support/command.ts';

/** Copies to the clipboard, names the window, and turns the direction of reading. */
const TITLE = '\u001b]52;c;b3duZWQ=\u0007\u009b2J\u202e';

async function serveRelay(t: TestContext, answer: { status: number; type: string; body: string }): Promise<string> {
  const server = createServer((_request, response) => {
    const head = { 'content-type': answer.type, 'x-sparewatt-node': 'den\u009b2J', connection: 'close' };
    response.writeHead(answer.status, head).end(answer.body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  afterTest(t, () => new Promise((done) => server.close(done)));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test('what a relay refuses with is shown without what a terminal obeys', async (t) => {
  const problem = {
    code: 'invalid_value',
    detail: `No.${TITLE}`,
    error: { code: 'invalid_value', message: `No.${TITLE}` },
  };
  const url = await serveRelay(t, { status: 400, type: 'application/json', body: JSON.stringify(problem) });
  const keys = ['--relay', url, '--api-key', 'x'];
  const { stderr } = await runSparewatt(['chat', 'hi', ...keys]);
  assert.equal(stderr, 'error No.]52;c;b3duZWQ=2J (invalid_value)\n');
});

test('which node has answered is shown without what a terminal obeys', async (t) => {
  const chunk = { choices: [{ delta: { content: 'Yes.' }, finish_reason: 'stop' }] };
  const body = `data: ${JSON.stringify(chunk)}\n\ndata: [DONE]\n\n`;
  const url = await serveRelay(t, { status: 200, type: 'text/event-stream', body });
  const { stdout, stderr } = await runSparewatt(['chat', 'hi', '--relay', url, '--api-key', 'x']);
  assert.equal(stdout, 'Yes.\n');
  assert.match(stderr, /^served by den\\u\{9b\}2J · /);
});

test('an answer reaches a terminal without what it obeys, and a file as it is', () => {
  const said: string[] = [];
  const stream = (isTTY: boolean) => ({ isTTY, write: (text: string) => void said.push(text) });
  const text = `line\n\tאבג 👩‍🔬${TITLE}`;
  writeAnswer(text, stream(true));
  writeAnswer(text, stream(false));
  assert.deepEqual(said, ['line\n\tאבג 👩‍🔬]52;c;b3duZWQ=2J', text]);
  assert.equal(resultText({ text }), said[0]);
});
