/** What a relay, a node or a model says reaches a terminal without what the terminal would obey. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { sayWaits } from '../../../../relay/cli/terminal/next-step.ts';
import { writeAnswer } from '../../../../relay/cli/terminal/printable.ts';
import { resultText } from '../../../../relay/cli/terminal/tables.ts';
import { Problem } from '../../../../shared/problems/problem.ts';
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
  const { stderr } = await runSparewatt(['chat', 'hi', '--model', 'm', ...keys]);
  assert.equal(stderr, 'error No.]52;c;b3duZWQ=2J (invalid_value)\n');
});

test('which node has answered is shown without what a terminal obeys', async (t) => {
  const chunk = { choices: [{ delta: { content: 'Yes.' }, finish_reason: 'stop' }] };
  const body = `data: ${JSON.stringify(chunk)}\n\ndata: [DONE]\n\n`;
  const url = await serveRelay(t, { status: 200, type: 'text/event-stream', body });
  const { stdout, stderr } = await runSparewatt(['chat', 'hi', '--model', 'm', '--relay', url, '--api-key', 'x']);
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

test('what nodes call their models is listed without what a terminal obeys', async (t) => {
  const model = { id: `evil${TITLE}`, capabilities: ['llm'], status: 'loaded', nodes: 1, context_length: 8 };
  const url = await serveRelay(t, { status: 200, type: 'application/json', body: JSON.stringify({ data: [model] }) });
  const { stdout } = await runSparewatt(['models', '--relay', url, '--api-key', 'x']);
  assert.match(stdout, /^evil\\u\{1b\}\]52;c;b3duZWQ=\\u\{7\}\\u\{9b\}2J\\u\{202e\} +llm +loaded +1 node +8 tokens$/m);
});

test('the line to try a key is one command, whatever a node calls the model that the key is for', async (t) => {
  const limits = { models: ["a;touch $(id) 'b'"], credit_limit_micro: null };
  const made = { id: 'key_1', name: 'n', key: 'sk-1', scopes: ['inference'], ...limits };
  const url = await serveRelay(t, { status: 201, type: 'application/json', body: JSON.stringify(made) });
  const { stdout } = await runSparewatt(['keys', 'create', 'n', '--relay', url, '--admin-token', 'x']);
  assert.ok(stdout.includes(String.raw` --model 'a;touch $(id) '\''b'\''' --api-key sk-1`), stdout);
});

test('the limits of a key that was changed are shown without what a terminal obeys', async (t) => {
  const standing = { requests_left: null, tokens_left: null, running_requests: null, credits_left_micro: null };
  const rates = { requests_per_minute: null, tokens_per_minute: null, max_parallel_requests: null };
  const costs = { credit_limit_micro: null, budget_micro: null, soft_budget_micro: null, expires_at: null };
  const key = { id: 'key_1', name: 'n', scopes: [], models: [`m${TITLE}`], hmac: false, ...rates, ...costs, standing };
  const url = await serveRelay(t, { status: 200, type: 'application/json', body: JSON.stringify(key) });
  const asked = ['keys', 'update', 'key_1', '--name', 'n', '--relay', url, '--admin-token', 'x'];
  const { stdout } = await runSparewatt(asked);
  assert.match(stdout, /^key_1 \(n\) is changed\. Limits: only nothing, m\\u\{1b\}/);
});

test('what a relay says that is waited for is shown without what a terminal obeys', (t) => {
  const said: unknown[] = [];
  const write = t.mock.method(process.stderr, 'write', (text: unknown) => said.push(text) > 0);
  sayWaits(new Problem('storage_failed', `No.${TITLE}`));
  write.mock.restore();
  assert.deepEqual(said, ['No.]52;c;b3duZWQ=2J Waiting for it.\n']);
});
