/** What each target's package holds of native files: its own, all that it needs, and nobody else's. */
import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { nativeFormatOf } from '../../build/desktop/native-format.ts';
import { copyNativePackages, nativePackagesOf, type Target } from '../../build/desktop/native-packages.ts';
import { processorHostOf } from '../../shared/runtimes/devices/processor-host.ts';
import { ROOT } from '../support/command.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const TARGETS: readonly Target[] = (['linux', 'win32', 'darwin'] as const).flatMap((platform) =>
  (['x64', 'arm64'] as const).map((arch) => ({ platform, arch })),
);

for (const target of TARGETS) {
  const { platform, arch } = target;
  test(`${platform} on ${arch} gets native files of its own kind, one addon of each package that has one`, (t) => {
    const folder = temporaryFolder(t);
    copyNativePackages(target, folder);
    const files = globSync('**/*', { cwd: folder, withFileTypes: true }).filter((entry) => entry.isFile());
    const native = files.flatMap(({ parentPath, name }) => {
      const format = nativeFormatOf(readFileSync(join(parentPath, name)));
      return format === undefined ? [] : [{ name, format }];
    });
    for (const { name, format } of native) assert.equal(format, `${platform} ${arch}`, name);
    const addons = native.filter(({ name }) => name.endsWith('.node')).map(({ name }) => name);
    const wanted = nativePackagesOf(target).flatMap((each) => each.native ?? []);
    assert.deepEqual(addons.sort(), wanted.map((path) => path.split(/[\\/]/).at(-1)).sort());
    const others = native.filter(({ name }) => !name.endsWith('.node'));
    for (const { name } of others) assert.match(name, /onnxruntime|DirectML|^dxcompiler|^dxil/);
  });

  test(`on ${platform} ${arch} models run on the processor in ${processorHostOf(target)}, as there is a binary for it or none`, () => {
    const runtime = join(ROOT, 'node_modules', 'onnxruntime-node', 'bin', 'napi-v6', platform, arch);
    assert.equal(existsSync(runtime), processorHostOf(target) === 'process');
  });
}

test('a binary that is not there ends the packaging with its name', (t) => {
  const target = { platform: 'linux', arch: 'sparc' } as unknown as Target;
  assert.throws(
    () => copyNativePackages(target, temporaryFolder(t)),
    /better-sqlite3 has no binary for linux on sparc/,
  );
});
