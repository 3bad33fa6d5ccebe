import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { NodeSummary, PendingTask, Task } from '../../shared/api/nodes.ts';
import { type Command, runSparewatt, sparewatt } from '../support/command.ts';
import { until } from '../support/until.ts';

describe('sparewatt nodes', () => {
  const data = mkdtempSync(join(tmpdir(), 'sparewatt-test-'));
  const started: Command[] = [];
  let url: string;
  let agent: Command;
  let nodeId: string;

  const nodes = (...args: string[]) => runSparewatt(['nodes', ...args, '--relay', url, '--data', data]);
  const json = async <Value>(...args: string[]): Promise<Value> => {
    const { stdout, stderr } = await nodes(...args, '--json');
    assert.equal(stderr, '');
    return JSON.parse(stdout) as Value;
  };

  before(async () => {
    const relay = sparewatt(['relay', '--port', '0', '--data', data, '--supervised', '--ready-json']);
    started.push(relay);
    ({ url } = JSON.parse(await relay.firstLine()) as { url: string });
    agent = sparewatt(['agent', '--relay', url, '--data', data, '--name', 'attic', '--ready-json']);
    started.push(agent);
    ({ nodeId } = JSON.parse(await agent.firstLine()) as { nodeId: string });
  });
  after(async () => {
    for (const { child, exit } of started.reverse()) {
      child.kill('SIGTERM');
      await exit;
    }
    rmSync(data, { recursive: true, force: true });
  });

  it('lists the nodes and shows one', async () => {
    const [node] = await json<NodeSummary[]>('list');
    assert.deepEqual([node?.id, node?.status], [nodeId, 'ready']);
    const { stdout } = await nodes('list');
    assert.match(
      stdout,
      new RegExp(`^NODE +KIND +STATUS +SLOTS +MODELS +REASON\n${nodeId} +nats +ready +0/4 +2 models\n$`),
    );
    assert.ok(stdout.split('\n').every((line) => line.length <= 80));
    assert.match((await nodes('health', 'attic')).stdout, /ready\n/);
    const told = (await nodes('capabilities', 'attic')).stdout;
    assert.match(told, /\n {2}.*, \d+ threads?\n {2}\d+(\.\d)? GiB of memory\nMODEL.*\nsparewatt\/demo-chat +llm/);
  });

  it('keeps a task back until it is approved, and then gives its result', async () => {
    const sent = await json<Task>('send', 'attic', 'What is 12 + 30?');
    assert.equal(sent.state, 'awaiting_approval');
    const [pending] = await json<PendingTask[]>('approvals');
    assert.equal(pending?.id, sent.id);
    const { stdout } = await nodes('approvals', sent.id);
    assert.match(stdout, /What is 12 \+ 30\?/);
    assert.match(stdout, new RegExp(`sha256  ${pending?.input_sha256}\n`));
    const other = await nodes('approve', sent.id, '--sha256', 'f'.repeat(64));
    assert.match(other.stderr, /Look at the task again/);
    assert.equal(other.code, 1);
    assert.match((await nodes('approve', sent.id)).stdout, /^The task task_\w+ runs\.\n$/);
    let task = await json<Task>('result', sent.id);
    while (task.state === 'running') task = await json<Task>('result', sent.id);
    assert.match(JSON.stringify(task.result), /42/);
  });

  it('tells whoever asked why a task was refused, and ends with 1', async () => {
    const { id } = await json<Task>('send', 'attic', 'hello');
    await nodes('refuse', id, '--reason', 'not today');
    const { stdout, code } = await nodes('result', id);
    assert.match(stdout, /refused: The operator refused the task: not today/);
    assert.equal(code, 1);
  });

  it('cordons, labels and uncordons a node', async () => {
    const cordoned = await nodes('cordon', 'attic', '--reason', 'a new card');
    assert.deepEqual([cordoned.code, cordoned.stdout], [0, `${nodeId} gets no new jobs.\n`]);
    const labelled = await nodes('label', 'attic', 'room=attic');
    assert.deepEqual([labelled.code, labelled.stdout], [0, `${nodeId} is labelled room=attic.\n`]);
    const [node] = await json<NodeSummary[]>('list');
    assert.deepEqual([node?.status, node?.reason, node?.labels], ['cordoned', 'a new card', { room: 'attic' }]);
    const drained = await nodes('drain', 'attic', '--deadline', '0');
    assert.deepEqual([drained.code, drained.stdout], [0, `${nodeId} is drained: it runs nothing.\n`]);
    await json('uncordon', 'attic');
    assert.equal((await json<NodeSummary[]>('list'))[0]?.status, 'ready');
  });

  it('suggests the next command after a change, and it works as it is told', async () => {
    const { stderr } = await nodes('cordon', 'attic');
    const [, next = ''] = /^Give it jobs again: {2}.*sparewatt (nodes uncordon attic .+)\n$/.exec(stderr) ?? [];
    const given = await runSparewatt(next.split(' '));
    assert.deepEqual([given.code, given.stdout], [0, `${nodeId} gets jobs again.\n`]);
    assert.match(given.stderr, /^How it does: {2}.*sparewatt nodes health attic --data \S+ --relay http/);
  });

  it('says what is wrong with a time, and ends with 2', async () => {
    const { stderr, code } = await nodes('drain', 'attic', '--deadline', 'soon');
    assert.match(stderr, /Seconds, from 0 to 3600/);
    assert.equal(code, 2);
    assert.equal((await json<NodeSummary[]>('list'))[0]?.status, 'ready');
  });

  it('says what is wrong with a name, and ends with 1', async () => {
    const { stderr, code } = await nodes('health', 'attik');
    assert.match(stderr, /Did you mean attic/);
    assert.equal(code, 1);
  });

  it('forgets no node that is connected, and says what to do first', async () => {
    const { stdout, stderr, code } = await nodes('forget', 'attic');
    assert.deepEqual([code, stdout], [1, '']);
    assert.match(stderr, /is connected\. Stop it or revoke it, and then forget it\./);
  });

  it('shuts a node out by its name, and lets it in again', async () => {
    const revoked = await nodes('revoke', 'attic');
    assert.equal(revoked.code, 0, revoked.stderr);
    assert.equal(revoked.stdout, `${nodeId} is shut out, and what it ran goes to other nodes.\n`);
    assert.match(revoked.stderr, /^Let it in again: {2}.*sparewatt nodes approve-node attic /);
    const [node] = await json<NodeSummary[]>('list');
    assert.deepEqual([node?.status, node?.connected], ['revoked', false]);
    const approved = await nodes('approve-node', 'attic');
    assert.deepEqual(
      [approved.code, approved.stdout],
      [0, `${nodeId} is let in. If it has ended meanwhile, its owner starts it again.\n`],
    );
    assert.match((await nodes('revoke', 'atic')).stderr, /Did you mean attic/);
  });

  it('forgets a node that is gone, and says how it comes back', async () => {
    // Let in again, it may have come back.
    agent.child.kill('SIGTERM');
    await agent.exit;
    await until(async () => (await json<NodeSummary[]>('list'))[0]?.connected === false);
    const { stdout, stderr, code } = await nodes('forget', 'attic');
    assert.deepEqual([code, stdout], [0, `${nodeId} is forgotten. Its receipts and credits stay.\n`], stderr);
    assert.match(stderr, /^To let it in anew, make a code: {2}.*sparewatt pair /);
    assert.deepEqual(await json<NodeSummary[]>('list'), []);
    assert.match((await nodes('forget', 'attic')).stderr, /knows no node "attic"/);
  });
});
