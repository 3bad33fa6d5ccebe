import assert from 'node:assert/strict';
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { openPolicyFile } from '../../../main/headless/policy-file.ts';
import { DEFAULT_PREFERENCES } from '../../../shared/preferences/preferences.ts';
import { afterTest } from '../../support/after-test.ts';
import { collectLog } from '../../support/log.ts';
import { noFileSentence, withEachNoFile } from '../../support/no-files.ts';
import { isProblem } from '../../support/problems.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { until } from '../../support/until.ts';

function open(t: TestContext, content?: string, isNamed = false) {
  const path = join(temporaryFolder(t), 'policy.json');
  if (content !== undefined) writeFileSync(path, content);
  const log = collectLog();
  const file = openPolicyFile({ path, isNamed, now: Date.now, log, intervalMs: 5 });
  afterTest(t, async () => file.close());
  return { path, log, ...file };
}

test('[O6] without a file everything is allowed, and one that comes later counts', async (t) => {
  const { path, policy } = open(t);
  assert.equal(policy.isOpen(), true);
  writeFileSync(path, '{"paused": true}');
  await until(() => !policy.isOpen());
  rmSync(path);
  await until(() => policy.isOpen());
});

test('the whole document of the desktop app is a policy too, and is followed as one', async (t) => {
  const away = { contribute: true, slots: 3, duty_percent: 100 };
  const first = { ...DEFAULT_PREFERENCES, profiles: { ...DEFAULT_PREFERENCES.profiles, away } };
  const { path, policy, preferences } = open(t, JSON.stringify(first));
  assert.equal(preferences()?.profiles.away.slots, 3);
  assert.equal(policy.isOpen(), true);
  writeFileSync(path, JSON.stringify({ ...first, supervised: true }));
  await until(() => !policy.isOpen());
  assert.equal(preferences()?.supervised, true);
});

test('[O6] what is no file in the place of a policy ends the start, and while the node runs the last policy stays', async (t) => {
  const { path, policy, log } = open(t, '{"paused": true}');
  await withEachNoFile(path, async (kind) => {
    const said = log.lines.length;
    const start = () => openPolicyFile({ path, isNamed: false, now: Date.now, log });
    assert.throws(start, isProblem('invalid_setting', noFileSentence('policy.json', kind)));
    await until(() => log.lines.length > said);
    assert.match(log.lines.at(-1) ?? '', /the last policy stays/);
    assert.equal(policy.isOpen(), false);
  });
});

test('[O6] a file that has become wrong leaves the last policy in place and says so', async (t) => {
  const { path, policy, log } = open(t, '{"paused": true}');
  for (const wrong of ['{"paused": ', '{"paused": "yes"}', '[]']) {
    const said = log.lines.length;
    writeFileSync(path, wrong);
    await until(() => log.lines.length > said);
    assert.match(log.lines.at(-1) ?? '', /the last policy stays/);
    assert.equal(policy.isOpen(), false);
  }
});

test('[O6] a file that the owner named allows nothing more when it is gone or cannot be read', async (t) => {
  const { path, policy, log } = open(t, '{"paused": true}', true);
  const saysAgain = async (change: () => void): Promise<void> => {
    const said = log.lines.length;
    change();
    await until(() => log.lines.length > said);
    assert.match(log.lines.at(-1) ?? '', /the last policy stays/);
    assert.equal(policy.isOpen(), false);
  };
  await saysAgain(() => rmSync(path));
  await saysAgain(() => mkdirSync(path));
  rmSync(path, { recursive: true });
  writeFileSync(path, '{}');
  await until(() => policy.isOpen());
});

/** A file that nobody named, looked at when the test says so. */
function openLooked(t: TestContext, content: string) {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const path = join(temporaryFolder(t), 'policy.json');
  writeFileSync(path, content);
  const log = collectLog();
  const { policy, close } = openPolicyFile({ path, isNamed: false, now: () => 0, log });
  afterTest(t, close);
  const look = (): boolean => {
    t.mock.timers.tick(1_000);
    return policy.isOpen();
  };
  return { path, policy, log, look };
}

test('[O6] a change counts from the next look on, and is told once', (t) => {
  const { path, log, look } = openLooked(t, '{}');
  writeFileSync(path, '{"paused": true}');
  assert.deepEqual([look(), look(), look()], [false, false, false]);
  assert.equal(log.lines.length, 1);
});

test('[O6] a file that is away for a moment, as while an editor puts another in its place, allows nothing more', (t) => {
  const { path, policy, look } = openLooked(t, '{"paused": true}');
  for (let save = 0; save < 3; save++) {
    rmSync(path);
    assert.equal(look(), false);
    writeFileSync(path, `{"paused": true, "jobs_per_client": ${save + 1}}`);
    assert.equal(look(), false);
    assert.equal(policy.shown().jobs_per_client, save + 1);
  }
  rmSync(path);
  assert.deepEqual([look(), look()], [false, true], 'who takes it away for good is believed');
});

test('[O6] a file that is wrong at the start is refused with the place', (t) => {
  assert.throws(
    () => open(t, '{"sizes": {"inputs": 0}}'),
    isProblem('invalid_setting', /policy\.json: sizes\.inputs /),
  );
  assert.throws(
    () => open(t, '{"hours": ["monday"]}'),
    isProblem('invalid_setting', /hours\.0 must be days and times/),
  );
  assert.throws(() => open(t, '{"pause": true}'), isProblem('invalid_setting', /policy\.json: pause is not known/));
  const chat = '{"services": {"allow": ["chat"]}}';
  assert.throws(() => open(t, chat), isProblem('invalid_setting', /services\.allow\.0 must be one of llm, embed/));
  assert.throws(
    () => open(t, 'paused'),
    isProblem('invalid_setting', /is not JSON, or was not written to its end\. Correct it\./),
  );
  assert.throws(() => open(t, undefined, true), isProblem('invalid_setting', /There is no policy file/));
  const options = { path: temporaryFolder(t), isNamed: false, now: Date.now, log: collectLog() };
  assert.throws(() => openPolicyFile(options), isProblem('invalid_setting', /cannot be read/), 'it may forbid all');
});

test('[O6] a file that an editor of Windows has saved is read, and what is not UTF-8 is said to be that', async (t) => {
  const path = join(temporaryFolder(t), 'policy.json');
  const read = (content: Uint8Array | string) => {
    writeFileSync(path, content);
    const { policy, close } = openPolicyFile({ path, isNamed: false, now: () => 0, log: collectLog() });
    afterTest(t, close);
    return policy.isOpen();
  };
  assert.equal(read('\ufeff{\r\n  "paused": true\r\n}\r\n'), false);
  const utf16 = Buffer.from('\ufeff{"paused": true}', 'utf16le');
  assert.throws(
    () => read(utf16),
    isProblem('invalid_setting', /cannot be read: it is not UTF-8.* Save it as UTF-8\./),
  );
});

test('[O6] a link to a file on a disk that is not there allows nothing', {
  skip: process.platform === 'win32',
}, (t) => {
  const { path, log, look } = openLooked(t, '{"paused": true}');
  rmSync(path);
  symlinkSync(join(path, '..', 'unmounted', 'policy.json'), path);
  assert.deepEqual([look(), look(), look()], [false, false, false]);
  assert.deepEqual(log.lines, ['error the last policy stays']);
  const options = { path, isNamed: false, now: () => 0, log };
  assert.throws(() => openPolicyFile(options), isProblem('invalid_setting', /it is a link to what is not there/));
});
