import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { scanInstalled } from '../../../main/headless/capabilities-installed.ts';
import { describeSoftware, findTools } from '../../../main/headless/capabilities-software.ts';
import { describeHardware } from '../../../main/headless/hardware.ts';
import { gpusOfMac, gpusOfNvidia, gpusOfWindows, namesOfLspci } from '../../../main/headless/hardware-gpu-lists.ts';
import { gpusOfSysfs } from '../../../main/headless/hardware-sysfs.ts';
import { programOutput } from '../../../main/headless/program-output.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

test('[K5] describes this machine, with null or an empty list for what it does not have', async () => {
  const hardware = await describeHardware();
  assert.ok(hardware.cpu_threads >= 1 && hardware.memory_bytes > 0);
  assert.ok(hardware.gpus === null || Array.isArray(hardware.gpus));
  assert.equal(hardware.webgpu, null);
});

test('[K5] reads what nvidia-smi prints, and takes what it does not know as not known', () => {
  const text = 'NVIDIA GeForce RTX 4090, 24564, 550.54.14\nTesla K80, [N/A], [N/A]\n';
  assert.deepEqual(gpusOfNvidia(text), [
    { name: 'NVIDIA GeForce RTX 4090', vendor: 'NVIDIA', vram_bytes: 24_564 * 1024 * 1024, driver: '550.54.14' },
    { name: 'Tesla K80', vendor: 'NVIDIA', vram_bytes: null, driver: null },
  ]);
  assert.deepEqual(gpusOfNvidia('NVIDIA A100-SXM4-40GB MIG 1g.5gb, [Insufficient Permissions], 535.104\r\n'), [
    { name: 'NVIDIA A100-SXM4-40GB MIG 1g.5gb', vendor: 'NVIDIA', vram_bytes: null, driver: '535.104' },
  ]);
  assert.equal(gpusOfNvidia(null), null);
  for (const text of ['', 'No devices were found\n']) assert.deepEqual(gpusOfNvidia(text), []);
});

test('[K5] takes names of GPUs from lspci, as people know them, and none that it does not know', () => {
  const text = [
    '0000:00:02.0 "VGA compatible controller" "Intel Corporation" "TigerLake-LP GT2 [Iris Xe Graphics]" -r01 "Dell" "Device 0a3e"',
    '0000:00:1f.3 "Audio device" "Intel Corporation" "Tiger Lake-LP Smart Sound" -r20 "Dell" "Device 0a3e"',
    '0000:03:00.0 "VGA compatible controller" "Advanced Micro Devices, Inc. [AMD/ATI]" "Navi 31 [Radeon RX 7900 XT/7900 XTX]" -rc8 "" ""',
    '0001:0a:00.0 "3D controller" "NVIDIA Corporation" "GA100GL [A30 PCIe]" -ra1 "NVIDIA Corporation" "Device 1532"',
    '0000:04:00.0 "Display controller" "Advanced Micro Devices, Inc. [AMD/ATI]" "Device 7550" -rc0 "" ""',
    '0000:05:00.0 "VGA compatible controller" "Intel Corporation" "HD Graphics 530" -r06 "" ""',
  ].join('\n');
  assert.deepEqual(
    [...namesOfLspci(text)],
    [
      ['0000:00:02.0', 'Intel Iris Xe Graphics'],
      ['0000:03:00.0', 'AMD Radeon RX 7900 XT/7900 XTX'],
      ['0001:0a:00.0', 'NVIDIA A30 PCIe'],
      ['0000:05:00.0', 'Intel HD Graphics 530'],
    ],
  );
  for (const nothing of [null, '', 'lspci: Unable to load libkmod resources'])
    assert.equal(namesOfLspci(nothing).size, 0);
});

test('reads what a program prints, and waits for none that hangs, whatever it has started', async (t) => {
  if (process.platform === 'win32') return t.skip('a script of another kind');
  const script = join(temporaryFolder(t), 'tool');
  const write = (lines: string): void => writeFileSync(script, `#!/bin/sh\n${lines}\n`, { mode: 0o755 });
  write('echo "$1"');
  assert.equal(await programOutput(script, ['$(id) ; x'], 10_000), '$(id) ; x\n');
  write('echo 1; exit 3');
  assert.equal(await programOutput(script, [], 10_000), null);
  assert.equal(await programOutput(join(script, 'nowhere'), [], 10_000), null);
  // Its child outlives it and holds its output open.
  write('trap "" TERM; sleep 60 & echo $! > "$0.pid"; echo half; wait');
  const startedAt = performance.now();
  assert.equal(await programOutput(script, [], 200), null);
  assert.ok(performance.now() - startedAt < 30_000, 'long before its child ends');
  process.kill(Number(readFileSync(`${script}.pid`, 'utf8')));
});

test('[K5] reads the GPUs of a Mac', () => {
  const displays = [
    { _name: 'kHW_AppleM2', sppci_model: 'Apple M2' },
    { sppci_model: 'AMD Radeon Pro 560', spdisplays_vram: '4 GB' },
  ];
  assert.deepEqual(gpusOfMac(JSON.stringify({ SPDisplaysDataType: displays })), [
    { name: 'Apple M2', vendor: 'Apple', vram_bytes: null, driver: null },
    { name: 'AMD Radeon Pro 560', vendor: 'AMD', vram_bytes: 4 * 1024 ** 3, driver: null },
  ]);
  const intel = {
    _name: 'kHW_IntelUHDGraphics630Item',
    _spdisplays_vram: '1536 MB',
    spdisplays_vendor: 'Intel',
    spdisplays_vram_shared: '1536 MB',
    sppci_model: 'Intel UHD Graphics 630',
  };
  assert.deepEqual(gpusOfMac(JSON.stringify({ SPDisplaysDataType: [intel] })), [
    { name: 'Intel UHD Graphics 630', vendor: 'Intel', vram_bytes: null, driver: null },
  ]);
  for (const text of [null, '', 'oops', '{}', '[]']) assert.equal(gpusOfMac(text), null);
});

test('[K5] reads the display adapters of Windows, alone or several, without those that are no GPU', () => {
  const card = { DriverDesc: 'Radeon RX 7900', ProviderName: 'AMD', DriverVersion: '31.0.1', Vram: 25_753_026_560 };
  const older = {
    DriverDesc: 'Intel(R) UHD Graphics',
    ProviderName: 'Intel Corporation',
    Vram: [0, 0, 0, 64, 0, 0, 0, 0],
  };
  assert.equal(gpusOfWindows(JSON.stringify(older))?.[0]?.vram_bytes, 1024 ** 3);
  assert.equal(gpusOfWindows(JSON.stringify({ ...older, Vram: ['x'] }))?.[0]?.vram_bytes, null);
  assert.deepEqual(gpusOfWindows(JSON.stringify({ DriverDesc: 'Parsec Virtual Display Adapter' })), []);
  const basic = { DriverDesc: 'Microsoft Basic Display Adapter', ProviderName: 'Microsoft' };
  const expected = { name: 'Radeon RX 7900', vendor: 'AMD', vram_bytes: 25_753_026_560, driver: '31.0.1' };
  assert.deepEqual(gpusOfWindows(JSON.stringify([card, basic])), [expected]);
  assert.deepEqual(gpusOfWindows(JSON.stringify({ ...card, Vram: null })), [{ ...expected, vram_bytes: null }]);
  for (const text of [null, '', 'oops', 'null']) assert.equal(gpusOfWindows(text), null);
});

test('[K5] reads the cards of Linux, and leaves out the display of a virtual machine', async (t) => {
  const root = temporaryFolder(t);
  const card = (name: string, files: Record<string, string>, driver?: string): void => {
    const device = join(root, 'class', 'drm', name, 'device');
    mkdirSync(device, { recursive: true });
    for (const [file, text] of Object.entries(files)) writeFileSync(join(device, file), `${text}\n`);
    if (driver !== undefined) symlinkSync(`/sys/bus/pci/drivers/${driver}`, join(device, 'driver'));
  };
  card('card0', { vendor: '0x1002', device: '0x73bf', mem_info_vram_total: '17163091968' }, 'amdgpu');
  card('card1', { vendor: '0x8086', device: '0x9a49' });
  card('card2', { vendor: '0x1af4', device: '0x1050' });
  card('card0-HDMI-A-1', { vendor: '0x1002', device: '0x73bf' });
  mkdirSync(join(root, 'module', 'amdgpu'), { recursive: true });
  writeFileSync(join(root, 'module', 'amdgpu', 'version'), '6.3.6\n');
  assert.deepEqual(await gpusOfSysfs(root), [
    { name: 'AMD 0x73bf', vendor: 'AMD', vram_bytes: 17_163_091_968, driver: 'amdgpu 6.3.6' },
    { name: 'Intel 0x9a49', vendor: 'Intel', vram_bytes: null, driver: null },
  ]);
  const slot = join(root, 'devices', '0000:03:00.0');
  mkdirSync(slot, { recursive: true });
  mkdirSync(join(root, 'class', 'drm', 'card3'));
  for (const [file, text] of Object.entries({ vendor: '0x1002', device: '0x744c' }))
    writeFileSync(join(slot, file), text);
  symlinkSync(slot, join(root, 'class', 'drm', 'card3', 'device'));
  const named = await gpusOfSysfs(root, new Map([['0000:03:00.0', 'AMD Radeon RX 7900 XTX']]));
  assert.equal(named?.at(-1)?.name, 'AMD Radeon RX 7900 XTX');
  assert.equal(await gpusOfSysfs(join(root, 'nowhere')), null);
});

test('names the versions of what runs here', async () => {
  const software = await describeSoftware();
  assert.equal(software.node, process.versions.node);
  assert.match(software.transformers ?? '', /^\d+\.\d+/);
  assert.match(software.onnxruntime ?? '', /^\d+\.\d+/);
});

test('[K5] finds tools where a shell would, and never tells where', async (t) => {
  const folder = temporaryFolder(t);
  const name = process.platform === 'win32' ? 'ffmpeg.exe' : 'ffmpeg';
  writeFileSync(join(folder, name), '');
  chmodSync(join(folder, name), 0o755);
  assert.deepEqual(await findTools(`/nowhere:${folder}`.replaceAll(':', process.platform === 'win32' ? ';' : ':')), {
    ffmpeg: true,
    blender: false,
  });
  assert.deepEqual(await findTools(''), { ffmpeg: false, blender: false });
});

test('finds models on disk with their sizes, served or not, and no path', async (t) => {
  const folder = temporaryFolder(t);
  const model = join(folder, 'owner', 'name', 'onnx');
  mkdirSync(model, { recursive: true });
  writeFileSync(join(folder, 'owner', 'name', 'digests.json'), '{}');
  writeFileSync(join(model, 'model.onnx'), 'x'.repeat(1_000));
  mkdirSync(join(folder, 'owner', 'unfinished'), { recursive: true });
  assert.deepEqual(await scanInstalled([folder, join(folder, 'missing')]), [
    { name: 'owner/name', size_bytes: 1_002, files: 2 },
  ]);
});
