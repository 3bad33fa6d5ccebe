/** What an owner tells of GPUs, at a real `sparewatt agent` with its real relay and a program like that of the driver. */
import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { GlobalCapabilities } from '../../shared/api/capabilities.ts';
import type { NodeStatus } from '../../shared/control/control-protocol.ts';
import type { CapabilityDocument, Gpu } from '../../shared/protocol/capabilities.ts';
import { type Command, runSparewatt, sparewatt } from '../support/command.ts';

const GIB = 2 ** 30;
/** Two cards of the driver's own tool, of which one is none. */
const CARDS = 'NVIDIA A, 8192, 550.1\nNVIDIA B, 4096, 550.1\n';
const FOUND: Gpu = { name: 'NVIDIA A', vendor: 'NVIDIA', vram_bytes: 8 * GIB, driver: '550.1' };
const TOLD = ['name=Radeon RX 7900; memory_gib=20', 'found=nvidia-b; remove=true', 'found=NVIDIA A; memory_gib=12'];

describe('a node whose owner tells of GPUs', { skip: process.platform !== 'linux' }, () => {
  const data = mkdtempSync(join(tmpdir(), 'sparewatt-test-'));
  const programs = mkdtempSync(join(tmpdir(), 'sparewatt-test-'));
  const env = { PATH: `${programs}${delimiter}${process.env.PATH}` };
  let relay: Command;
  let agent: Command;
  let ready: { url: string; apiKey: string };
  let nodeId: string;

  before(async () => {
    const tool = join(programs, 'nvidia-smi');
    writeFileSync(join(programs, 'cards.txt'), CARDS);
    writeFileSync(tool, `#!/bin/sh\ncase "$1" in *memory.total*) cat ${programs}/cards.txt;; *) exit 1;; esac\n`);
    chmodSync(tool, 0o755);
    relay = sparewatt(['relay', '--port', '0', '--data', data, '--ready-json']);
    ready = JSON.parse(await relay.firstLine()) as typeof ready;
    const flags = ['--relay', ready.url, '--data', data, '--ready-json', '--gpu', ...TOLD, 'found=egpu; driver=x'];
    agent = sparewatt(['agent', ...flags], { env });
    ({ nodeId } = JSON.parse(await agent.firstLine()) as { nodeId: string });
  });
  after(async () => {
    for (const command of [agent, relay]) {
      command?.child.kill('SIGTERM');
      await command?.exit;
    }
    for (const folder of [data, programs]) rmSync(folder, { recursive: true, force: true });
  });

  const askNodes = (...args: string[]) =>
    runSparewatt(['nodes', ...args, '--relay', ready.url, '--api-key', ready.apiKey]);
  const isTold = ({ name }: Gpu): boolean => name === 'NVIDIA A' || name === 'Radeon RX 7900';

  it('[K16] its signed document has what counts, marked, with what was found', async () => {
    const { stdout } = await askNodes('capabilities', nodeId, '--json');
    const { gpus } = (JSON.parse(stdout) as CapabilityDocument).hardware;
    const added = { name: 'Radeon RX 7900', vendor: 'AMD', vram_bytes: 20 * GIB, driver: null, found: null };
    assert.deepEqual(gpus?.filter(isTold), [{ ...FOUND, vram_bytes: 12 * GIB, found: FOUND }, added]);
    assert.doesNotMatch(stdout, /NVIDIA B/);
    const headers = { authorization: `Bearer ${ready.apiKey}` };
    const view = (await (await fetch(`${ready.url}/v1/capabilities`, { headers })).json()) as GlobalCapabilities;
    assert.deepEqual(view.nodes[nodeId]?.hardware.gpus, gpus);
    assert.equal(view.documents?.dropped.malformed, 0);
  });

  it('its relay shows it as told by its owner', async () => {
    const { stdout } = await askNodes('capabilities', nodeId);
    assert.match(
      stdout,
      /\n {2}NVIDIA A, 12 GiB of its own \(told by its owner; found: NVIDIA A, 8\.0 GiB of its own\)\n/,
    );
    assert.match(stdout, /\n {2}Radeon RX 7900, 20 GiB of its own \(told by its owner; found: nothing\)\n/);
  });

  it('its owner sees what is none, too, and that what they named is not there', async () => {
    const status = await runSparewatt(['node', 'status', '--data', data, '--json']);
    const { gpus } = JSON.parse(status.stdout) as NodeStatus;
    assert.deepEqual(
      gpus?.removed.map(({ name }) => name),
      ['NVIDIA B'],
    );
    assert.equal(gpus?.counted.filter(isTold).length, 2);
    assert.match((await runSparewatt(['node', 'status', '--data', data])).stdout, /none, as its owner says: NVIDIA B,/);
    const log = await runSparewatt(['node', 'log', '--data', data]);
    assert.match(log.stdout, /warn +no GPU that node\.gpus names was found +gpu=egpu/);
  });

  it('a wrong word ends the start and the check, by its field', async () => {
    const other = mkdtempSync(join(programs, 'other-'));
    const wrong = ['--data', other, '--gpu', 'name=a; memory_gib=much'];
    const start = await runSparewatt(['agent', ...wrong]);
    const fault = /--gpu: node\.gpus is wrong: 0\.memory_gib must be a number of GiB from 0\.001 to 65536\./;
    assert.match(start.stderr, fault);
    assert.notEqual(start.code, 0);
    const check = await runSparewatt(['config', 'agent', '--check', ...wrong]);
    assert.match(check.stderr, fault);
    assert.equal(check.code, 1);
    const explained = await runSparewatt(['config', 'agent', '--data', other, '--gpu', 'name=a']);
    assert.match(explained.stdout, /\nnode\.gpus +\[\{"name":"a"\}\] +flag: --gpu\n/);
  });
});
