import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { findNatsBinary, type NatsBinarySearch } from '../../../../relay/fabric/nats-server/nats-binary.ts';
import { isProblem } from '../../../support/problems.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';

const noScripts = process.platform === 'win32' && 'Windows runs no shell scripts';
const nowhere: NatsBinarySearch = { env: {}, platform: 'linux', arch: 'x64', fromPackage: () => undefined };

test('the program of this machine is found and is new enough', async () => {
  const { version } = await findNatsBinary();
  assert.match(version, /^2\.\d+\.\d+/);
});

for (const [platform, command] of [
  ['linux', /apt install nats-server.*go install/],
  ['darwin', /brew install nats-server/],
  ['win32', /winget install NATSAuthors\.NATSServer/],
  ['aix', /go install github\.com\/nats-io\/nats-server/],
] as const) {
  test(`a machine with ${platform} and no program is told how to get one`, async () => {
    const search = { ...nowhere, platform };
    await assert.rejects(findNatsBinary(search), isProblem('nats_server_missing', command));
    await assert.rejects(findNatsBinary(search), isProblem('nats_server_missing', /NATS_SERVER_BIN.*--nats URL/));
  });
}

test('NATS_SERVER_BIN comes before the package, the package before the PATH', { skip: noScripts }, async (t) => {
  const named = fakeServer(t, 'v2.11.0');
  const packaged = fakeServer(t, 'v2.12.0');
  const env = { NATS_SERVER_BIN: named, PATH: dirname(fakeServer(t, 'v2.13.0')) };
  const search = { ...nowhere, env, fromPackage: () => packaged };
  assert.deepEqual(await findNatsBinary(search), { path: named, version: '2.11.0' });
  const { PATH } = env;
  assert.equal((await findNatsBinary({ ...search, env: { PATH } })).version, '2.12.0');
  assert.equal((await findNatsBinary({ ...nowhere, env: { PATH } })).version, '2.13.0');
});

test('a program that is too old, is none, or does not run is named', { skip: noScripts }, async (t) => {
  for (const [version, sentence] of [
    ['v2.9.25', /NATS_SERVER_BIN names .*, version 2\.9\.25; the relay needs 2\.10 or newer/],
    ['v1.20.0', /version 1\.20\.0/],
    ['what?', /which is not nats-server/],
  ] as const) {
    const env = { NATS_SERVER_BIN: fakeServer(t, version) };
    await assert.rejects(findNatsBinary({ ...nowhere, env }), isProblem('nats_server_missing', sentence));
  }
  const env = { NATS_SERVER_BIN: '/no/such' };
  await assert.rejects(
    findNatsBinary({ ...nowhere, env }),
    isProblem('nats_server_missing', /names \/no\/such, which does not run/),
  );
});

test('a program that says nothing is told from one that is not there', { skip: noScripts }, async (t) => {
  const env = { NATS_SERVER_BIN: fakeProgram(t, 'exec sleep 600') };
  const sentence = /names .*, which did not say its version within 0\.3 s\. Look at the load of this machine/;
  await assert.rejects(findNatsBinary({ ...nowhere, env, patienceMs: 300 }), isProblem('nats_server_failed', sentence));
});

function fakeServer(t: TestContext, version: string): string {
  return fakeProgram(t, `echo "nats-server: ${version}"`);
}

function fakeProgram(t: TestContext, script: string): string {
  const program = join(temporaryFolder(t), 'nats-server');
  writeFileSync(program, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  return program;
}
