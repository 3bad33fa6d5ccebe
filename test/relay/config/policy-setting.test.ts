import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { policyInForce } from '../../../relay/cli/node/policy-in-force.ts';
import { type LoadedSettings, loadSettings, settingsOf } from '../../../relay/config/load-settings.ts';
import { parsePolicy } from '../../../shared/policy/parse-policy.ts';
import { unattendedPolicy } from '../../../shared/preferences/owner-document.ts';
import { DEFAULT_PREFERENCES, PREFERENCES_VERSION } from '../../../shared/preferences/preferences.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

function load(t: TestContext, toml: string, flags: Record<string, unknown> = {}): LoadedSettings & { data: string } {
  const workingFolder = temporaryFolder(t);
  const data = join(workingFolder, 'data');
  mkdirSync(join(data, 'node'), { recursive: true });
  writeFileSync(join(workingFolder, 'sparewatt.toml'), toml);
  return { ...loadSettings(['program', 'node'], { flags, workingFolder, env: { SPAREWATT_DATA: data } }), data };
}

const SECTION = `[node]
slots = 2

[node.policy]
hours = ["mon-fri 18:00-08:00"]

[node.policy.services]
deny = ["llm"]
`;

test('the policy may stand in the configuration file, as a section of its own', (t) => {
  const loaded = load(t, SECTION);
  const { policy, slots } = settingsOf(loaded, 'node');
  assert.deepEqual(structuredClone(policy), { hours: ['mon-fri 18:00-08:00'], services: { deny: ['llm'] } });
  assert.equal(slots, 2);
  const { from } = policyInForce(loaded);
  assert.match(from ?? '', /sparewatt\.toml:4$/);
});

test('a policy that is wrong there is told with its line and its part', (t) => {
  const { faults } = load(t, '[node.policy]\nhours = ["monday"]\n');
  assert.equal(faults.length, 1);
  assert.match(faults[0] ?? '', /sparewatt\.toml:1: node\.policy is wrong: hours\.0 must be days and times/);
  const typo = load(t, '[node]\nslots = 1\n[node.policy]\npauses = true\n');
  assert.match(typo.faults[0] ?? '', /sparewatt\.toml:3: node\.policy is wrong: pauses is not known\.$/);
  const number = load(t, '[node]\npolicy = 3\n');
  assert.match(number.faults[0] ?? '', /sparewatt\.toml:2: node\.policy is wrong: the policy must be an object/);
});

test('a file of the flag wins over the section, and a path in the file is relative to it', (t) => {
  assert.equal(settingsOf(load(t, SECTION, { policy: '/p.json' }), 'node').policy, '/p.json');
  const { policy } = settingsOf(load(t, '[node]\npolicy = "p.json"\n'), 'node');
  assert.match(String(policy), /^\/.*\/p\.json$/);
});

test('the policy in force is that of the file named, else of the data folder, else none', (t) => {
  const none = load(t, '');
  assert.deepEqual(policyInForce(none), { policy: null, preferences: null, from: null });
  const path = join(none.data, 'node', 'policy.json');
  writeFileSync(path, '{"paused": true}');
  assert.deepEqual(policyInForce(none), { policy: { paused: true }, preferences: null, from: path });
  writeFileSync(path, '{"paused": 1}');
  assert.match(policyInForce(none).fault ?? '', /policy\.json: paused must be true or false\.$/);
  const named = load(t, '[node]\npolicy = "p.json"\n');
  assert.match(policyInForce(named).fault ?? '', /^There is no policy file \/.*p\.json\.$/);
});

test('a whole document of the owner is in force with what it means by what it does not say', (t) => {
  const none = load(t, '');
  const path = join(none.data, 'node', 'policy.json');
  const said = { version: PREFERENCES_VERSION, disk_quota_bytes: 5, policy: { jobs_per_client: 3 } };
  writeFileSync(path, JSON.stringify(said));
  const { policy, preferences, from } = policyInForce(none);
  assert.deepEqual(preferences, { ...DEFAULT_PREFERENCES, ...said });
  assert.deepEqual(policy, preferences && unattendedPolicy(preferences));
  assert.equal(policy?.jobs_per_client, 3);
  assert.equal(from, path);
});

test('the example in docs is a policy', () => {
  const page = readFileSync(new URL('../../../docs/nodes.md', import.meta.url), 'utf8');
  const [, example = ''] = /```json\n(\{\n {2}"services".*?)```/s.exec(page) ?? [];
  assert.equal(parsePolicy(example, 'nodes.md').jobs_per_client, 2);
});
