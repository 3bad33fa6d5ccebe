/** What an owner tells of GPUs: in the file, by variable and by flag, and every way to say it wrongly. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type LoadedSettings, loadSettings, settingsOf } from '../../../relay/config/load-settings.ts';
import { showSettings } from '../../../relay/config/shown-settings.ts';
import { gpuOverridesFault } from '../../../shared/config/gpu-override.ts';
import { isProblem } from '../../support/problems.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

type Sources = { toml?: string; env?: Record<string, string>; flags?: Record<string, unknown> };

function load(t: TestContext, { toml = '', env = {}, flags = {} }: Sources): LoadedSettings {
  const workingFolder = temporaryFolder(t);
  const data = join(workingFolder, 'data');
  mkdirSync(data);
  writeFileSync(join(workingFolder, 'sparewatt.toml'), toml);
  return loadSettings(['program', 'node'], { flags, workingFolder, env: { SPAREWATT_DATA: data, ...env } });
}

function shown(loaded: LoadedSettings): { value: unknown; origin: string; place: string | null } {
  assert.deepEqual(loaded.faults, []);
  const row = showSettings(loaded.settings).find(({ setting }) => setting === 'node.gpus') ?? assert.fail();
  return { value: structuredClone(row.value), origin: row.origin, place: row.place };
}

const TABLES = `[node]
slots = 2

[[node.gpus]]
name = "NVIDIA RTX 4090"
memory_gib = 24
backends = ["cuda", "webgpu"]

[[node.gpus]]
found = "llvmpipe"
remove = true
`;

test('what is told of GPUs comes from the flag, else the variable, else the file, and says from where', (t) => {
  const env = { SPAREWATT_NODE_GPUS: 'name=Arc A770; memory_gib=16 , found=uhd-770;remove=true' };
  assert.deepEqual(shown(load(t, {})), { value: [], origin: 'default', place: null });
  const file = shown(load(t, { toml: TABLES }));
  const card = { name: 'NVIDIA RTX 4090', memory_gib: 24, backends: ['cuda', 'webgpu'] };
  assert.deepEqual(file.value, [card, { found: 'llvmpipe', remove: true }]);
  assert.match(`${file.origin} ${file.place}`, /^file \/.*\/sparewatt\.toml:4$/);
  assert.deepEqual(shown(load(t, { toml: TABLES, env })), {
    value: [
      { name: 'Arc A770', memory_gib: 16 },
      { found: 'uhd-770', remove: true },
    ],
    origin: 'environment',
    place: 'SPAREWATT_NODE_GPUS',
  });
  const flags = { gpus: ['found=Navi, 31; name=RX 7900; vendor=AMD; driver=amdgpu 6.1; backends=webgpu cuda'] };
  assert.deepEqual(shown(load(t, { toml: TABLES, env, flags: { gpus: flags.gpus } })), {
    value: [{ found: 'Navi, 31', name: 'RX 7900', vendor: 'AMD', driver: 'amdgpu 6.1', backends: ['webgpu', 'cuda'] }],
    origin: 'flag',
    place: '--gpu',
  });
});

test('a list of the file may have the texts of flags, too', (t) => {
  const loaded = load(t, { toml: '[node]\ngpus = ["name=a=b; memory_gib=0.5;"]\n' });
  assert.deepEqual(structuredClone(settingsOf(loaded, 'node').gpus), [{ name: 'a=b', memory_gib: 0.5 }]);
});

for (const { what, gpu, fault } of [
  { what: 'no fields', gpu: 'hunter2', fault: /^0 must be fields and values, each field once/ },
  { what: 'a field twice', gpu: 'name=a; name=b', fault: /^0 must be fields and values, each field once/ },
  { what: 'a number', gpu: 3, fault: /^0 must be fields and values/ },
  { what: 'a list', gpu: ['name=a'], fault: /^0 must be fields and values/ },
  { what: 'an unknown field', gpu: 'name=a; memory=24', fault: /^0\.memory is not known; there are found, name,/ },
  { what: 'a speed', gpu: { name: 'a', tokens_per_s: 900 }, fault: /^0\.tokens_per_s is not known/ },
  { what: 'a measurement', gpu: { name: 'a', measured: { samples: 9 } }, fault: /^0\.measured is not known/ },
  { what: 'a field that moves a cursor', gpu: { '\u001b[2J': 1 }, fault: /^0 has a field that is not known/ },
  { what: 'a field of every object', gpu: '__proto__=x; name=a', fault: /^0\.__proto__ is not known/ },
  { what: 'an empty name', gpu: 'name=', fault: /^0\.name must be a text of 1 to 128 characters/ },
  { what: 'a name that is too long', gpu: { name: 'x'.repeat(129) }, fault: /^0\.name must be a text of 1 to 128/ },
  { what: 'a name that moves a cursor', gpu: { name: 'a\u001b[2J' }, fault: /^0\.name must be a text/ },
  { what: 'a name that turns writing', gpu: { name: 'a\u202e' }, fault: /^0\.name must be a text/ },
  { what: 'memory in words', gpu: 'name=a; memory_gib=24GB', fault: /^0\.memory_gib must be a number of GiB/ },
  { what: 'no memory', gpu: { name: 'a', memory_gib: 0 }, fault: /^0\.memory_gib must be a number of GiB/ },
  { what: 'memory without end', gpu: { name: 'a', memory_gib: Infinity }, fault: /^0\.memory_gib must be/ },
  { what: 'memory that no machine has', gpu: 'name=a; memory_gib=65537', fault: /^0\.memory_gib .* to 65536$/ },
  {
    what: 'the processor',
    gpu: 'name=a; backends=cpu',
    fault: /^0\.backends must be a list of webgpu, cuda, dml, cor/,
  },
  { what: 'a backend twice', gpu: 'name=a; backends=cuda cuda', fault: /^0\.backends must be a list/ },
  { what: 'no backend', gpu: { name: 'a', backends: [] }, fault: /^0\.backends must be a list/ },
  { what: 'a removal in doubt', gpu: { found: 'a', remove: false }, fault: /^0\.remove must be true$/ },
  { what: 'nothing', gpu: {}, fault: /^0\.name is missing, or \.found where/ },
  { what: 'no name', gpu: 'memory_gib=24', fault: /^0\.name is missing, or \.found where/ },
  { what: 'a removal of nothing', gpu: 'name=a; remove=true', fault: /^0\.found is missing/ },
  { what: 'a removal that says more', gpu: 'found=a; name=b; remove=true', fault: /^0\.remove leaves nothing to say/ },
  { what: 'no word', gpu: 'found=a', fault: /^0 says nothing of the GPU/ },
]) {
  test(`a GPU that is told of by ${what} is refused by its field, without its value`, (t) => {
    const loaded = load(t, { flags: { gpus: [gpu] } });
    const [told = '', ...more] = loaded.faults;
    assert.deepEqual(more, []);
    assert.match(told, /^--gpu: node\.gpus is wrong: /);
    assert.match(told.replace('--gpu: node.gpus is wrong: ', '').replace(/\.$/, ''), fault);
    assert.doesNotMatch(told, /hunter2|24GB/);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that is the point.
    assert.doesNotMatch(told, /[\u001b\u202e]/);
    assert.throws(() => settingsOf(loaded, 'node'), isProblem('invalid_setting', /node\.gpus is wrong/));
  });
}

test('two that describe one GPU, and more than a document holds, are refused', () => {
  const twice = [{ found: 'RTX 4090', memory_gib: 1 }, { name: 'b' }, { found: 'rtx-4090', remove: true }];
  assert.equal(gpuOverridesFault(twice), '2.found names the GPU of 0 again');
  const twins = Array.from({ length: 64 }, () => ({ name: 'H200' }));
  assert.equal(gpuOverridesFault(twins), undefined, 'a machine may have several of one name');
  assert.match(gpuOverridesFault([...twins, { name: 'H200' }]) ?? '', /^there are 65 GPUs, and .* 64$/);
});

test('a fault of the file names the line of its first GPU, and one of the variable the variable', (t) => {
  const [inFile] = load(t, { toml: TABLES.replace('24', '"24"') }).faults;
  assert.match(inFile ?? '', /sparewatt\.toml:4: node\.gpus is wrong: 0\.memory_gib must be a number of GiB/);
  const [inVariable] = load(t, { env: { SPAREWATT_NODE_GPUS: 'name=a,memory_gib=2' } }).faults;
  assert.match(inVariable ?? '', /^SPAREWATT_NODE_GPUS: node\.gpus is wrong: 1\.name is missing/);
  const [noList] = load(t, { toml: '[node]\ngpus = "name=a"\n' }).faults;
  assert.match(noList ?? '', /sparewatt\.toml:2: node\.gpus must be a list of GPUs/);
});
