/** `sparewatt node` at a real `sparewatt agent`, with its real relay. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { askNode, findNodes } from '../../relay/cli/node/control-client.ts';
import type { NodeDetails } from '../../shared/api/nodes.ts';
import { CONTROL_FOLDER, type ControlRequest, type NodeStatus } from '../../shared/control/control-protocol.ts';
import type { CapabilityDocument } from '../../shared/protocol/capabilities.ts';
import { type Command, runSparewatt, sparewatt } from '../support/command.ts';
import { until } from '../support/until.ts';

const version = 1;
const MODEL = 'sparewatt/demo-chat';
/** The token by which the demo model ends its answers. */
const EOS = '1';

describe('sparewatt node, at a running agent', () => {
  const data = mkdtempSync(join(tmpdir(), 'sparewatt-test-'));
  const control = join(data, 'node', CONTROL_FOLDER);
  let relay: Command;
  let agent: Command;
  let ready: { url: string; apiKey: string };
  let nodeId: string;

  const startAgent = async (): Promise<void> => {
    agent = sparewatt(['agent', '--relay', ready.url, '--data', data, '--model', MODEL, '--ready-json']);
    ({ nodeId } = JSON.parse(await agent.firstLine()) as { nodeId: string });
  };
  before(async () => {
    relay = sparewatt(['relay', '--port', '0', '--data', data, '--ready-json']);
    ready = JSON.parse(await relay.firstLine()) as typeof ready;
    await startAgent();
  });
  after(async () => {
    for (const command of [agent, relay]) {
      command?.child.kill('SIGTERM');
      await command?.exit;
    }
    rmSync(data, { recursive: true, force: true });
  });

  const node = (...args: string[]) => runSparewatt(['node', ...args, '--data', data]);
  /** The same without the time that a process takes to start. */
  const ask = async (request: ControlRequest): Promise<NodeStatus> => {
    const [found] = await findNodes([control]);
    assert.ok(found, 'no node listens');
    for await (const answer of askNode(found, request)) if (answer.answer === 'status') return answer.status;
    throw new Error('no state was told');
  };
  const headers = () => ({ authorization: `Bearer ${ready.apiKey}`, 'content-type': 'application/json' });
  const told = async (): Promise<NodeDetails> =>
    (await (await fetch(`${ready.url}/v1/nodes/${nodeId}`, { headers: headers() })).json()) as NodeDetails;
  /** An answer that takes a while, as a stream. */
  const longChat = (): Promise<Response> => {
    const messages = [{ role: 'user', content: 'Count from 7 to 18.' }];
    const body = { model: MODEL, messages, stream: true, max_tokens: 450, logit_bias: { [EOS]: -100 } };
    return fetch(`${ready.url}/v1/chat/completions`, {
      method: 'POST',
      headers: headers(),
      body: JSON.stringify(body),
    });
  };
  /** Asks in mid-answer, and returns the whole stream. */
  const askMeanwhile = async (request: ControlRequest): Promise<{ text: string; status: NodeStatus }> => {
    const response = await longChat();
    const reader = (response.body as ReadableStream<Uint8Array>).pipeThrough(new TextDecoderStream()).getReader();
    let text = (await reader.read()).value ?? '';
    const status = await ask(request);
    for (let part = await reader.read(); !part.done; part = await reader.read()) text += part.value;
    return { text, status };
  };

  it('says what the node does, for people and for programs', async () => {
    const shown = await node('status');
    assert.equal(shown.code, 0, shown.stderr);
    const [first, ...rows] = shown.stdout.trimEnd().split('\n');
    assert.equal(first, 'Contributing');
    assert.deepEqual(
      rows.filter((row) => !row.startsWith('          ')).map((row) => row.slice(0, 10)),
      ['since', 'node', 'relay', 'jobs', 'done', 'models'].map((name) => `  ${name.padEnd(6)}  `),
    );
    assert.match(shown.stdout, new RegExp(`process ${agent.pid}\\n.*${ready.url}, connected as ${nodeId}\\n`));
    const status = await ask({ version, ask: 'status' });
    assert.deepEqual([status.kind, status.pid, status.code], ['agent', agent.pid, 'contributing']);
    assert.deepEqual(status.relay, { state: 'connected', relay: ready.url, nodeId });
    assert.deepEqual(status.done, { jobs: 0, outputTokens: 0 });
    await (await longChat()).text();
    await until(async () => (await ask({ version, ask: 'status' })).done?.jobs === 1);
    const { done } = await ask({ version, ask: 'status' });
    assert.ok((done?.outputTokens ?? 0) > 100, `${done?.outputTokens} tokens`);
  });

  it('pauses: the relay is told until when, models leave memory, a kill and a restart change nothing', async () => {
    const paused = await node('pause', '--for', '2h', '--json');
    assert.equal(paused.code, 0, paused.stderr);
    const { until: end } = JSON.parse(paused.stdout) as NodeStatus;
    assert.ok(end !== null && end > Date.now() + 3_600_000);
    await until(async () => (await told()).status === 'closed');
    const { policy } = (await told()).document as CapabilityDocument;
    assert.deepEqual(policy, { open: false, reason: 'paused', changes_at: end });
    await until(async () => (await ask({ version, ask: 'status' })).models.length === 0);
    assert.equal((await longChat()).status, 503);

    agent.child.kill('SIGKILL');
    await agent.exit;
    const gone = await node('status');
    assert.deepEqual([gone.code, gone.stdout], [3, '']);
    assert.match(gone.stderr, /No node runs on this machine\. Looked in .*node_unreachable/);
    await startAgent();
    assert.equal(readdirSync(control).length, 2, 'what the killed one left is gone');
    const still = await ask({ version, ask: 'status' });
    assert.deepEqual([still.code, still.until], ['paused', end]);
    await until(async () => (await told()).status === 'closed');

    agent.child.kill('SIGTERM');
    await agent.exit;
    agent = sparewatt(['agent', '--relay', ready.url, '--data', data, '--model', MODEL]);
    await until(() => agent.stdout().includes('node status'));
    assert.match(agent.stdout(), /^\nPaused by you\. Connected as \S+ to http:\S+\. Ctrl-C stops\.\n/);
  });

  it('is the only process of its folder: a second one is told who has it, and takes nothing from the first', async () => {
    const second = await runSparewatt(['agent', '--relay', ready.url, '--data', data, '--model', MODEL]);
    assert.deepEqual([second.code, second.stdout], [1, '']);
    assert.match(
      second.stderr,
      new RegExp(`Process ${agent.pid} .*${join(data, 'node')}\\..*\\(data_folder_in_use\\)`),
    );
    assert.equal((await ask({ version, ask: 'status' })).pid, agent.pid);
    assert.doesNotMatch(agent.stderr(), /earlier process/);
  });

  it('resumes', async () => {
    const resumed = await node('resume');
    assert.match(resumed.stdout, /^Contributing\n/);
    await until(async () => (await told()).status === 'ready');
  });

  it('finishes: the answer that runs comes whole, nothing new is taken, and then it is paused', async () => {
    const { text, status } = await askMeanwhile({ version, ask: 'finish' });
    assert.deepEqual([status.code, status.jobs.length], ['finishing', 1]);
    assert.match(text, /"finish_reason":"length"/);
    await until(async () => (await ask({ version, ask: 'status' })).code === 'paused');
    await ask({ version, ask: 'resume' });
    await until(async () => (await told()).status === 'ready');
  });

  it('hands the answer back when it is paused in mid-answer and its policy lets none end in peace', async () => {
    writeFileSync(join(data, 'node', 'policy.json'), '{"finish_running": false}');
    await until(() => agent.stderr().includes('the policy of this node has changed'));
    await until(async () => (await told()).status === 'ready');
    const strict = await askMeanwhile({ version, ask: 'pause', forMs: null });
    assert.doesNotMatch(strict.text, /"finish_reason":"length"/);
    assert.match(strict.text, /"code":"(?:handed_back|no_capacity|policy_refused)"/);
    await ask({ version, ask: 'resume' });
  });

  it('shows the log, and follows it until the node ends', async () => {
    const following = sparewatt(['node', 'log', '--follow', '--lines', '1', '--data', data]);
    await following.firstLine();
    writeFileSync(join(data, 'node', 'policy.json'), '{}');
    await until(() => /info {3}the policy of this node has changed {2}path=/.test(following.stdout()));
    assert.doesNotMatch(following.stdout() + agent.stderr(), /Count from/);
    agent.child.kill('SIGKILL');
    assert.equal(await following.exit, 1);
    assert.match(following.stderr(), /ended before it had answered.*node_lost/);
    await agent.exit;
  });
});
