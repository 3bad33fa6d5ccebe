import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LiveNode } from '../../../relay/fabric/nodes/node-table.ts';
import { createNodeTable } from '../../../relay/fabric/nodes/node-table.ts';
import { createAvailability } from '../../../relay/registry/service-availability.ts';
import type { CapabilityDocument, Gpu } from '../../../shared/protocol/capabilities.ts';
import { BUILT_IN_SERVICES } from '../../../shared/registry/catalog/all.ts';
import { pretendedModel } from '../../support/models/pretended-model.ts';

const service = (id: string) => BUILT_IN_SERVICES.find((known) => known.id === id) ?? assert.fail(id);

/** A live node that serves one model of this type. */
function node(id: string, part: Partial<CapabilityDocument> = {}, slots = 1): LiveNode {
  const table = createNodeTable();
  const document = {
    node_id: id,
    served_models: [pretendedModel('test/whisper', 'stt')],
    capabilities: { llm: false, embed: false, stt: true, providers: {} },
    hardware: { platform: 't', arch: 't', cpu: 't', cpu_threads: 1, memory_bytes: 2 ** 40 },
    tools: { ffmpeg: true, blender: true },
    ...part,
  } as CapabilityDocument;
  table.admit({ id, publicKey: 'U', epoch: 1, instance: 'i', document, slots, heardAt: 0 });
  return table.get(id) ?? assert.fail();
}

test('a node counts while it is open and its owner lets it run such jobs', () => {
  const whisper = service('whisper/transcribe');
  const count = (nodes: LiveNode[]) => createAvailability(nodes)(whisper).nodes;
  assert.equal(count([node('a'), node('b')]), 2);
  const closed = { open: false, reason: 'paused', changes_at: null };
  assert.equal(count([node('a', { policy: closed }, 0)]), 0);
  const open = { open: true, reason: null, changes_at: null };
  assert.equal(count([node('a', { policy: { ...open, services: { deny: ['stt'] } } })]), 0);
  assert.equal(count([node('a', { policy: { ...open, models: { allow: ['*whisper*'] } } })]), 1);
  const silent = node('a');
  silent.isSilent = true;
  assert.equal(count([silent]), 0);
});

test('a node without a free slot counts, and not as free', () => {
  const busy = node('a');
  busy.reserved = 1;
  const { nodes, free, missing } = createAvailability([busy, node('b')])(service('whisper/transcribe'));
  assert.deepEqual([nodes, free, missing], [2, 1, []]);
});

test('no document makes a node run what this version has no way of asking for', () => {
  const flags = { llm: true, embed: true, 'blender-bake': true, duckdb: true, providers: {} };
  const boastful = node('a', { capabilities: flags });
  for (const id of ['gaming/bake-lightmaps', 'analytics/sql-query']) {
    const { runnable, nodes, missing } = createAvailability([boastful])(service(id));
    assert.deepEqual([runnable, nodes], [false, 0]);
    assert.match(missing.join(), /^the runtime "(blender-bake|duckdb)", which no node of this version has$/);
  }
});

test('needs that no single node has together are told together', () => {
  const image = { llm: false, embed: false, image: true, providers: {} };
  const hardware = { platform: 't', arch: 't', cpu: 't', cpu_threads: 1, memory_bytes: 1 };
  const gpus = [{ name: 'g', vendor: null, vram_bytes: 8 * 2 ** 30, driver: null }];
  const withGpu = node('a', {
    capabilities: image,
    served_models: [pretendedModel('test/flux', 'image')],
    hardware: { ...hardware, gpus },
  });
  const withModel = node('b', { capabilities: image, served_models: [pretendedModel('test/sd-turbo', 'image')] });
  const { missing } = createAvailability([withGpu, withModel])(service('stable-diffusion/generate'));
  assert.match(missing.join(), /^a model named .* and a GPU with 4 GiB of memory on one node$/);
});

test('[K16] the memory of a GPU counts for what a service needs as its owner tells it, for more and for less', () => {
  const image = { llm: false, embed: false, image: true, providers: {} };
  const machine = { platform: 't', arch: 't', cpu: 't', cpu_threads: 1, memory_bytes: 1 };
  const card = (gib: number | null) => ({
    ...{ name: 'g', vendor: null, driver: null },
    vram_bytes: gib === null ? null : gib * 2 ** 30,
  });
  const countOf = (...gpus: Gpu[]): number => {
    const part = { capabilities: image, served_models: [pretendedModel('test/sd-turbo', 'image')] };
    const told = node('a', { ...part, hardware: { ...machine, gpus } });
    return createAvailability([told])(service('stable-diffusion/generate')).nodes;
  };
  assert.equal(countOf(card(null)), 0);
  assert.equal(countOf({ ...card(8), found: card(null) }), 1);
  assert.equal(countOf({ ...card(8), found: null }), 1);
  assert.equal(countOf({ ...card(1), found: card(8) }), 0);
});
