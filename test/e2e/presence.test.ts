/** The rules of an owner at a real `sparewatt agent`, with its real relay and programs like those of the system. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { askNode, findNodes } from '../../relay/cli/node/control-client.ts';
import type { NodeDetails } from '../../shared/api/nodes.ts';
import { CONTROL_FOLDER, type NodeStatus } from '../../shared/control/control-protocol.ts';
import type { CapabilityDocument } from '../../shared/protocol/capabilities.ts';
import { type Command, runSparewatt, sparewatt } from '../support/command.ts';
import { startHubMirror } from '../support/network/hub-mirror.ts';
import { until } from '../support/until.ts';

const GAME = 'sparewatt-test-game';
/** Of everything else that goes on at the machine of the tests nothing closes the node. */
const RULES = {
  version: 1,
  games: { detect: false, programs: [GAME] },
  contribute_on_battery: true,
  contribute_when_hot: true,
};
const PMON = (percent: number) => `# gpu pid type sm\n 0 1 G ${percent} - - - - X\n`;
const FREE = 'GENERAL.STATE:100 (connected)\nGENERAL.METERED:no\n';
const METERED = 'GENERAL.STATE:100 (connected)\nGENERAL.METERED:yes\n';
/** A node that has yielded to a game waits for five seconds before it opens, and a busy machine takes its time. */
const SOON_MS = 60_000;

describe('a node without a screen whose owner has rules', { skip: process.platform !== 'linux' }, () => {
  const data = mkdtempSync(join(tmpdir(), 'sparewatt-test-'));
  const programs = mkdtempSync(join(tmpdir(), 'sparewatt-test-'));
  const policy = join(data, 'rules.json');
  let relay: Command;
  let agent: Command;
  let ready: { url: string; apiKey: string };
  let nodeId: string;
  let game: ChildProcess | undefined;

  const env = { PATH: `${programs}${delimiter}${process.env.PATH}`, DISPLAY: '' };
  const says = (name: string, text: string): void => writeFileSync(join(programs, `${name}.txt`), text);
  const play = (name: string, command: string): void => {
    writeFileSync(join(programs, name), `#!/bin/sh\n${command}\n`);
    chmodSync(join(programs, name), 0o755);
  };
  before(async () => {
    play(
      'nvidia-smi',
      `case "$1" in pmon) cat ${programs}/load.txt;; *slowdown*) cat ${programs}/heat.txt;; *) exit 1;; esac`,
    );
    play('nmcli', `cat ${programs}/network.txt`);
    play('gdbus', 'exit 1');
    says('load', PMON(0));
    says('heat', 'Not Active, Not Active\n');
    says('network', FREE);
    writeFileSync(policy, JSON.stringify(RULES));
    relay = sparewatt(['relay', '--port', '0', '--data', data, '--ready-json']);
    ready = JSON.parse(await relay.firstLine()) as typeof ready;
    agent = sparewatt(['agent', '--relay', ready.url, '--data', data, '--policy', policy, '--ready-json'], { env });
    ({ nodeId } = JSON.parse(await agent.firstLine()) as { nodeId: string });
  });
  after(async () => {
    game?.kill('SIGKILL');
    for (const command of [agent, relay]) {
      command?.child.kill('SIGTERM');
      await command?.exit;
    }
    for (const folder of [data, programs]) rmSync(folder, { recursive: true, force: true });
  });

  const status = async (): Promise<NodeStatus> => {
    const [found] = await findNodes([join(data, 'node', CONTROL_FOLDER)]);
    assert.ok(found, 'no node listens');
    for await (const answer of askNode(found, { version: 1, ask: 'status' })) {
      if (answer.answer === 'status') return answer.status;
    }
    throw new Error('no state was told');
  };
  const isAt = (code: string) => until(async () => (await status()).code === code, SOON_MS);
  const headers = () => ({ authorization: `Bearer ${ready.apiKey}`, 'content-type': 'application/json' });
  const told = async (): Promise<NodeDetails> =>
    (await (await fetch(`${ready.url}/v1/nodes/${nodeId}`, { headers: headers() })).json()) as NodeDetails;
  const reasonTold = async () => ((await told()).document as CapabilityDocument).policy?.reason;
  const startGame = (): void => {
    game = spawn('sleep', ['600'], { argv0: GAME, stdio: 'ignore' });
  };

  it('says once what it follows and what nothing tells it, in its log and in its status', async () => {
    await isAt('contributing');
    const shows =
      /rules {3}followed: programs that you name, other load on the GPU, metered networks\n {10}not followed, as nothing tells of them here: keyboard and mouse\n {10}works as while you are away\n/;
    // On a busy machine a program may be too slow to answer once.
    await until(async () => shows.test((await runSparewatt(['node', 'status', '--data', data])).stdout), SOON_MS);
    const unseen = { rule: 'away_after_s', needs: 'idle_s', followed: false };
    assert.deepEqual((await status()).rules?.at(-1), unseen);
    assert.equal(agent.stderr().split('cannot be followed here').length, 2);
    assert.match(agent.stderr(), /cannot be followed here/);
  });

  it('hands a job back to a program of the list, whose name the relay never hears, and goes on after it', async () => {
    const input = { start: 1, strike: 1, volatility: 0.1, years: 1, steps: 4_096, paths: 2 ** 26 };
    const leaving = new AbortController();
    const asked = fetch(`${ready.url}/v1/services/science/monte-carlo`, {
      method: 'POST',
      headers: headers(),
      body: JSON.stringify(input),
      signal: leaving.signal,
    }).catch(() => undefined);
    await until(async () => (await status()).models.some(({ name }) => name === 'kernels/cpu'), SOON_MS);
    startGame();
    await isAt('game');
    await until(async () => (await status()).jobs.length === 0, SOON_MS);
    assert.equal((await status()).reason, `Paused: ${GAME} is running`);
    await until(async () => (await status()).models.length === 0, SOON_MS);
    await until(async () => (await told()).status === 'closed', SOON_MS);
    assert.equal(await reasonTold(), 'game');
    assert.doesNotMatch(JSON.stringify(await told()), new RegExp(GAME));
    leaving.abort();
    await asked;
    game?.kill('SIGKILL');
    await isAt('contributing');
    await until(async () => (await told()).status === 'ready', SOON_MS);
    const answer = await fetch(`${ready.url}/v1/chat/completions`, {
      method: 'POST',
      headers: headers(),
      body: JSON.stringify({ model: 'sparewatt/demo-chat', messages: [{ role: 'user', content: 'What is 17 + 25?' }] }),
    });
    assert.equal(answer.status, 200);
  });

  it('yields to others on its GPU and to a metered network, and resumes by itself', async () => {
    says('load', PMON(80));
    await isAt('gpu_busy');
    says('load', PMON(0));
    await isAt('contributing');
    says('network', METERED);
    await isAt('metered');
    await until(async () => (await reasonTold()) === 'metered', SOON_MS);
    says('network', FREE);
    await isAt('contributing');
  });

  it('downloads nothing while its network is metered, and can be ended while it waits', async () => {
    const hub = await startHubMirror(join(programs, 'none'));
    const other = join(data, 'other');
    says('network', METERED);
    const flags = ['--hub', hub.url, '--model-source', 'hub', '--model', 'maker/absent'];
    const startOther = () =>
      sparewatt(['agent', '--relay', ready.url, '--data', other, '--policy', policy, ...flags], { env });
    /** One that has seen what its network costs; a program that is too slow on a busy machine tells nothing. */
    const startWaiting = async (): Promise<Command> => {
      for (let tries = 0; tries < 5; tries++) {
        hub.requests.length = 0;
        const started = startOther();
        const isWaiting = () => started.stderr().includes('downloads wait for a network');
        await until(() => isWaiting() || started.child.exitCode !== null, SOON_MS);
        if (isWaiting()) return started;
      }
      assert.fail('no node waits for its network');
    };
    try {
      const waiting = await startWaiting();
      waiting.child.kill('SIGTERM');
      assert.equal(await waiting.exit, 0, waiting.stderr());
      const patient = await startWaiting();
      assert.deepEqual(hub.requests, []);
      says('network', FREE);
      assert.notEqual(await patient.exit, 0, 'the hub has no such model');
      assert.ok(hub.requests.length > 0);
    } finally {
      await hub.close();
    }
    await isAt('contributing');
  });

  it('follows its file: a rule that is written in holds, and one that is taken out is over', async () => {
    says('heat', 'Not Active, Active\n');
    writeFileSync(policy, JSON.stringify({ ...RULES, contribute_when_hot: false }));
    await isAt('heat');
    writeFileSync(policy, JSON.stringify(RULES));
    await isAt('contributing');
  });
});
