import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { ModelLock } from '../../shared/api/model-lock.ts';
import { type Command, runSparewatt, sparewatt } from '../support/command.ts';
import { chain, piece, writeBigramModel } from '../support/models/bigram-model.ts';
import { COMMIT, type HubMirror, startHubMirror } from '../support/network/hub-mirror.ts';
import { LAN, needsLan } from '../support/network/tls-relay.ts';

const ID = 'maker/words';
const NOWHERE = 'http://127.0.0.1:9';

describe('sparewatt models', () => {
  const root = mkdtempSync(join(tmpdir(), 'sparewatt-test-'));
  const hubFolder = join(root, 'hub');
  const data = join(root, 'data');
  let hub: HubMirror;
  const models = (...args: string[]) => runSparewatt(['models', ...args, '--data', data]);
  const add = (...args: string[]) => models('add', ...args, '--hub', hub.url, '--relay', NOWHERE);

  before(async () => {
    await writeBigramModel(hubFolder, ID, { transitions: chain([piece('one '), piece('two')]) });
    rmSync(join(hubFolder, ID, 'digests.json'));
    hub = await startHubMirror(hubFolder);
  });
  after(async () => {
    await hub.close();
    rmSync(root, { recursive: true, force: true });
  });

  it('downloads a model, lists it, verifies it, repairs it and removes it', async () => {
    const added = await add(ID, '--dtype', 'fp32');
    assert.equal(added.code, 0);
    assert.match(
      added.stderr,
      /^Serve it: .* agent --model maker\/words --data \S+ --relay \S+\n$/,
      'no progress for a pipe',
    );
    assert.match(added.stdout, new RegExp(`^maker/words is here: fp32, [\\d.]+ MB, ${COMMIT}\n$`));
    const listed = await models('list');
    assert.match(listed.stdout, /^MODEL +SIZE +STATE +REVISION +FROM\nmaker\/words +[\d.]+ MB +ready +a{12} +http/);
    const [row] = JSON.parse((await models('installed', '--json')).stdout) as Record<string, unknown>[];
    assert.deepEqual([row?.model, row?.complete, row?.pinned, row?.source], [ID, true, false, hub.url]);
    assert.equal((await models('verify')).code, 0);
    writeFileSync(join(data, 'node/models', ID, 'tokenizer.json'), '{}');
    const differs = await models('verify', ID);
    assert.equal(differs.code, 1);
    assert.match(differs.stdout, /^maker\/words {2}differs .*\n {2}damaged {2}tokenizer\.json\n$/);
    assert.equal((await add(ID)).code, 0);
    assert.equal((await models('verify', ID, '--json')).code, 0);
    const pinned = await models('pin', ID);
    assert.equal(pinned.stdout, 'maker/words is pinned: it stays when space runs out.\n');
    assert.match(pinned.stderr, /^Let it go again: {2}.*sparewatt models unpin maker\/words --data /);
    assert.match((await models('list')).stdout, / pinned /);
    assert.match((await models('remove', ID)).stdout, /^maker\/words is removed \([\d.]+ MB\)\.\n$/);
    assert.equal((await models('list')).stdout, 'No model is downloaded here.\n');
    assert.equal((await models('remove', ID)).code, 1);
  });

  it('keeps a revision that was asked for beside the others', async () => {
    assert.equal((await add(ID, '--revision', 'v1.0')).code, 0);
    const [row] = JSON.parse((await models('list', '--json')).stdout) as Record<string, unknown>[];
    assert.equal(row?.model, `${ID}@v1.0`);
    assert.equal((await models('remove', `${ID}@v1.0`)).code, 0);
  });

  it('stops at Ctrl-C with what it has, and says so', async () => {
    const asked = new Promise<void>((resolve) => {
      hub.interfere('tokenizer.json', (_request, response) => {
        response.writeHead(200, { 'content-length': '1000' }).write('{');
        resolve();
      });
    });
    const command = sparewatt(['models', 'add', ID, '--data', data, '--hub', hub.url, '--relay', NOWHERE]);
    await asked;
    command.child.kill('SIGINT');
    assert.equal(await command.exit, 130);
    assert.match(command.stderr(), /Stopped.*the same command continues it/);
    hub.heal();
  });

  it('says what is wrong with an id, a dtype or a source', async () => {
    const outcomes = [
      await add('../../etc'),
      await add('maker/nothing'),
      await add(ID, '--dtype', 'fp3'),
      await add(ID, '--model-source', 'hub/others'),
    ];
    assert.deepEqual(
      outcomes.map(({ code, stderr }) => [code, /\((\w+)\)\s*$/.exec(stderr)?.[1]]),
      [
        [1, 'model_not_found'],
        [1, 'model_not_found'],
        [2, 'invalid_option'],
        [1, 'model_source_refused'],
      ],
    );
  });
});

describe('a relay that mirrors models', () => {
  const root = mkdtempSync(join(tmpdir(), 'sparewatt-test-'));
  const hubFolder = join(root, 'hub');
  const data = join(root, 'data');
  const mirrored = join(data, 'relay/mirror', ID);
  const weights = join(hubFolder, ID, 'onnx/model.onnx');
  let relay: Command;
  let url: string;

  before(async () => {
    await writeBigramModel(hubFolder, ID, { transitions: chain([piece('one '), piece('two')]) });
    rmSync(join(hubFolder, ID, 'digests.json'));
    relay = sparewatt(['relay', '--port', '0', '--data', data, '--ready-json', '--log-level', 'silent']);
    ({ url } = JSON.parse(await relay.firstLine()) as { url: string });
    const hub = await startHubMirror(hubFolder);
    const added = await runSparewatt(['models', 'mirror', 'add', ID, '--data', data, '--hub', hub.url]);
    assert.equal(added.code, 0, added.stderr);
    // From here on nobody reaches the hub.
    await hub.close();
  });
  after(async () => {
    relay.child.kill('SIGTERM');
    await relay.exit;
    rmSync(root, { recursive: true, force: true });
  });
  const get = (path: string, headers: Record<string, string> = {}) => fetch(`${url}/mirror/${path}`, { headers });

  it('lets a node serve a model without the internet', async (t) => {
    const node = join(root, 'node');
    const models = ['--model', ID, '--hub', NOWHERE];
    const agent = sparewatt(['agent', '--relay', url, '--data', data, ...models, '--ready-json']);
    t.after(async () => {
      agent.child.kill('SIGTERM');
      await agent.exit;
    });
    await agent.firstLine();
    const asked = await runSparewatt(['chat', 'x', '--model', ID, '--relay', url, '--data', data]);
    assert.deepEqual([asked.code, asked.stdout.split('\n')[0]], [0, 'one two'], asked.stderr);
    const listed = await runSparewatt(['models', 'list', '--json', '--data', data]);
    const [row] = JSON.parse(listed.stdout) as Record<string, unknown>[];
    assert.deepEqual([row?.source, row?.revision, row?.in_use], [url, COMMIT, true]);
    const other = await runSparewatt(['models', 'add', ID, '--data', node, '--relay', url, '--hub', NOWHERE]);
    assert.equal(other.code, 0, other.stderr);
  });

  it('hands out the lock, and files with their digest and in ranges', async () => {
    const lock = (await (await get(`${ID}/lock/main`)).json()) as ModelLock;
    assert.deepEqual([lock.model, lock.revision, lock.complete], [ID, COMMIT, true]);
    const bytes = readFileSync(weights);
    for (const revision of ['main', COMMIT]) {
      const part = await get(`${ID}/resolve/${revision}/onnx/model.onnx`, { range: `bytes=${bytes.length - 10}-` });
      assert.equal(part.status, 206);
      assert.equal(part.headers.get('x-linked-etag'), `"${lock.files['onnx/model.onnx']?.sha256}"`);
      assert.deepEqual(Buffer.from(await part.arrayBuffer()), bytes.subarray(-10));
    }
  });

  it('hands out nothing else of its data folder', async () => {
    writeFileSync(join(mirrored, 'stray.json'), '{}');
    rmSync(join(mirrored, 'generation_config.json'));
    symlinkSync(join(data, 'relay/keys.json'), join(mirrored, 'generation_config.json'));
    const paths = [
      `${ID}/resolve/main/stray.json`,
      `${ID}/resolve/main/digests.json`,
      `${ID}/resolve/main/generation_config.json`,
      `${ID}/resolve/main/..%2f..%2f..%2fkeys.json`,
      `..%2f..%2fx/resolve/main/keys.json`,
      `${ID}/resolve/..%2f..%2f..%2f/keys.json`,
      `${ID}/lock/v2`,
      'maker/nothing/lock/main',
      '',
    ];
    for (const path of paths) assert.equal((await get(path)).status, 404, path);
  });

  it('hands out no model that is damaged in a way that nodes take: they compare digests and refuse it', async () => {
    const damaged = join(mirrored, 'tokenizer.json');
    const bytes = readFileSync(damaged);
    bytes[20] = (bytes[20] ?? 0) ^ 1;
    writeFileSync(damaged, bytes);
    const node = join(root, 'careful');
    const added = await runSparewatt(['models', 'add', ID, '--data', node, '--relay', url, '--hub', NOWHERE]);
    assert.equal(added.code, 1);
    assert.match(added.stderr, /tokenizer\.json.*arrived damaged.*\(model_files_corrupt\)/);
  });
});

describe('a relay with TLS that mirrors models', needsLan, () => {
  it('hands them to a node that knows its authority, by a link at first and by its pin later', async (t) => {
    const root = mkdtempSync(join(tmpdir(), 'sparewatt-test-'));
    const [data, node] = [join(root, 'operator'), join(root, 'attic')];
    await writeBigramModel(join(root, 'hub'), ID, { transitions: chain([piece('one '), piece('two')]) });
    const hub = await startHubMirror(join(root, 'hub'));
    await runSparewatt(['models', 'mirror', 'add', ID, '--data', data, '--hub', hub.url]);
    await hub.close();
    const place = ['--port', '0', '--host', '0.0.0.0', '--no-announce', '--data', data];
    const relay = sparewatt(['relay', '--tls', ...place, '--ready-json', '--log-level', 'silent']);
    t.after(async () => {
      relay.child.kill('SIGTERM');
      await relay.exit;
      rmSync(root, { recursive: true, force: true });
    });
    const { port } = new URL((JSON.parse(await relay.firstLine()) as { url: string }).url);
    const address = `https://${LAN}:${port}`;
    const toRelay = ['--relay', `https://127.0.0.1:${port}`, '--data', data];
    const made = await runSparewatt(['pair', ...toRelay, '--json', '--address', address]);
    const { link } = JSON.parse(made.stdout) as { link: string };
    const models = ['--model', ID, '--hub', NOWHERE];
    const agent = sparewatt(['agent', '--data', node, '--pair', link, ...models, '--ready-json']);
    await agent.firstLine();
    agent.child.kill('SIGTERM');
    await agent.exit;
    assert.equal((await runSparewatt(['models', 'remove', ID, '--data', node])).code, 0);
    const again = await runSparewatt(['models', 'add', ID, '--data', node, '--hub', NOWHERE]);
    assert.equal(again.code, 0, again.stderr);
    const stranger = ['models', 'add', ID, '--data', join(root, 'other'), '--relay', address, '--hub', NOWHERE];
    assert.match((await runSparewatt(stranger)).stderr, /\(model_download_failed\)/);
  });
});
