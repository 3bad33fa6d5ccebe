import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { exampleFile } from '../../../relay/config/example-file.ts';
import { type LoadedSettings, loadSettings, settingsOf } from '../../../relay/config/load-settings.ts';
import { isToDiscover } from '../../../relay/config/relay-or-discover.ts';
import { rowsOf, SECTION_NAMES } from '../../../relay/config/sections.ts';
import { HIDDEN, showSettings } from '../../../relay/config/shown-settings.ts';
import { unreadVariables } from '../../../relay/config/unread-variables.ts';
import { REMEMBERED_RELAY_FILE, rememberedRelayText } from '../../../shared/config/remembered-relay.ts';
import { afterTest } from '../../support/after-test.ts';
import { noFileSentence, withEachNoFile } from '../../support/no-files.ts';
import { isProblem } from '../../support/problems.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

type Sources = {
  toml?: string;
  dataToml?: string;
  env?: Record<string, string>;
  flags?: Record<string, unknown>;
  configFile?: string;
};

function load(t: TestContext, { toml, dataToml, env = {}, flags = {}, configFile }: Sources): LoadedSettings {
  const workingFolder = temporaryFolder(t);
  const data = join(workingFolder, 'data');
  mkdirSync(data);
  if (toml !== undefined) writeFileSync(join(workingFolder, 'sparewatt.toml'), toml);
  if (dataToml !== undefined) writeFileSync(join(data, 'sparewatt.toml'), dataToml);
  return loadSettings(SECTION_NAMES, { flags, workingFolder, configFile, env: { SPAREWATT_DATA: data, ...env } });
}

function one(loaded: LoadedSettings, name: string): { value: unknown; origin: string; place: string | null } {
  const shown = showSettings(loaded.settings).find(({ setting }) => setting === name);
  assert.ok(shown !== undefined, `no setting ${name}`);
  return { value: shown.value, origin: shown.origin, place: shown.place };
}

test('a flag wins over the environment, that over the file, that over the default', (t) => {
  const toml = '[node]\nslots = 5\n';
  const env = { SPAREWATT_NODE_SLOTS: '6' };
  const at = (sources: Sources) => one(load(t, sources), 'node.slots');
  assert.deepEqual(at({}), { value: 4, origin: 'default', place: null });
  const inFile = at({ toml });
  assert.deepEqual([inFile.value, inFile.origin], [5, 'file']);
  assert.match(inFile.place ?? '', /\/sparewatt\.toml:2$/);
  assert.deepEqual(at({ toml, env }), { value: 6, origin: 'environment', place: 'SPAREWATT_NODE_SLOTS' });
  assert.deepEqual(at({ toml, env, flags: { slots: 7 } }), { value: 7, origin: 'flag', place: '--slots' });
});

test('an empty variable counts as not given', (t) => {
  const loaded = load(t, { env: { SPAREWATT_RELAY_PORT: '', SPAREWATT_RELAY_HOST: '', SPAREWATT_CONFIG: '' } });
  assert.deepEqual([one(loaded, 'relay.port').origin, one(loaded, 'relay.host').origin], ['default', 'default']);
  assert.deepEqual(loaded.faults, []);
});

test('text of the environment becomes the type of the setting', (t) => {
  const env = {
    SPAREWATT_RELAY_PORT: '9000',
    SPAREWATT_NODE_DISCOVER: 'true',
    SPAREWATT_NODE_MODELS: 'a/b, c/d',
    SPAREWATT_NODE_NAME: '42',
  };
  const loaded = load(t, { env });
  assert.equal(settingsOf(loaded, 'relay').port, 9000);
  const { discover, models, name } = settingsOf(loaded, 'node');
  assert.deepEqual([discover, models, name], [true, ['a/b', 'c/d'], '42']);
});

for (const { what, toml, fault } of [
  {
    what: 'a mistyped key',
    toml: '[relay]\n\nprot = 1\n',
    fault: /toml:3: relay\.prot is not known\. Did you mean relay\.port\?/,
  },
  { what: 'a mistyped key above the sections', toml: 'dta = "x"\n', fault: /toml:1: dta .*Did you mean data\?/ },
  {
    what: 'a mistyped section',
    toml: '[rely]\nport = 1\n',
    fault: /toml:1: there is no section \[rely\]\. Did you mean \[relay\]\?/,
  },
  {
    what: 'a key that is like none',
    toml: '[relay]\nwallpaper = 1\n',
    fault: /wallpaper .* "sparewatt config" shows what is\.$/,
  },
  {
    what: 'a section that is like none',
    toml: '[wallpaper]\nx = 1\n',
    fault: /\[wallpaper\]\. "sparewatt config" shows/,
  },
  { what: 'a key of the other section', toml: '[relay]\nslots = 1\n', fault: /Put slots under \[node\]\./ },
  {
    what: 'a key without its section',
    toml: 'port = 1\n',
    fault: /toml:1: port is not known\. Put port under \[relay\]\./,
  },
  {
    what: 'a key that belongs above the sections',
    toml: '[node]\ndata = "x"\n',
    fault: /Put data above the first section\./,
  },
  {
    what: 'text where a number belongs',
    toml: '[relay]\nport = "8484"\n',
    fault: /toml:2: relay\.port must be a port, 0 to 65535\.$/,
  },
  { what: 'a number out of its range', toml: '[relay]\n  port = 65536\n', fault: /toml:2: relay\.port must be a port/ },
  {
    what: 'a list where one value belongs',
    toml: '[node]\nname = ["a"]\n',
    fault: /toml:2: node\.name must be a name/,
  },
  {
    what: 'an address that is none',
    toml: '[node]\nrelay = "http://a:99999999"\n',
    fault: /node\.relay must be an address such as/,
  },
  { what: 'a file that is not TOML', toml: '[relay]\nport = = 1\n', fault: /toml:2:\d+: this is not TOML: / },
]) {
  test(`names file, line and key of ${what}`, (t) => {
    const { faults } = load(t, { toml });
    assert.equal(faults.length, 1, faults.join('\n'));
    assert.match(faults[0] ?? '', fault);
  });
}

test('names the variable that is wrong, and goes on with what is right', (t) => {
  const loaded = load(t, { toml: '[relay]\nport = 1234\n', env: { SPAREWATT_RELAY_PORT: 'many' } });
  assert.deepEqual(loaded.faults, ['SPAREWATT_RELAY_PORT: relay.port must be a port, 0 to 65535.']);
  assert.equal(one(loaded, 'relay.port').value, 1234);
});

test('refuses to run with any fault, also one of the other section, and says how many more there are', (t) => {
  const loaded = load(t, { toml: '[node]\nslots = 0\nnane = "x"\n' });
  assert.throws(() => settingsOf(loaded, 'relay'), isProblem('invalid_setting', /node\.nane .*There are 1 more/));
  const relayOnly = loadSettings(['program', 'relay'], { flags: {}, env: {}, configFile: loaded.file?.path });
  assert.equal(relayOnly.faults.length, 2);
});

test('never repeats a value that is wrong, because it may be a secret', (t) => {
  const { faults } = load(t, {
    toml: '[node]\njoin_token = ["sw-admin-secret"]\nhub_token = "hf_secret" oops\n',
    env: { SPAREWATT_RELAY_PORT: 'hunter2' },
  });
  assert.ok(faults.length > 0);
  assert.doesNotMatch(faults.join(), /secret|hunter2/);
});

test('shows no secret, only that there is one', (t) => {
  const loaded = load(t, { env: { SPAREWATT_JOIN_TOKEN: 'sw-admin-secret' } });
  assert.equal(one(loaded, 'node.join_token').value, HIDDEN);
  assert.equal(one(loaded, 'node.hub_token').value, null);
  assert.equal(settingsOf(loaded, 'node').join_token, 'sw-admin-secret');
});

test('takes the file of the working folder, else that of the data folder, and the one that is named before both', (t) => {
  const here = '[relay]\nport = 1\n';
  const dataToml = '[relay]\nport = 2\n';
  assert.equal(one(load(t, { toml: here, dataToml }), 'relay.port').value, 1);
  assert.equal(one(load(t, { dataToml }), 'relay.port').value, 2);
  const named = join(temporaryFolder(t), 'other.toml');
  writeFileSync(named, '[relay]\nport = 3\n');
  assert.equal(one(load(t, { toml: here, dataToml, configFile: named }), 'relay.port').value, 3);
  assert.equal(one(load(t, { toml: here, env: { SPAREWATT_CONFIG: named } }), 'relay.port').value, 3);
});

test('says that a named file is not there', (t) => {
  assert.match(load(t, { configFile: '/nowhere/x.toml' }).faults.join(), /no configuration file \/nowhere\/x\.toml/);
});

test('a file that cannot be read is not passed over, and is named with what to do', (t) => {
  const workingFolder = temporaryFolder(t);
  const at = (name: string) => join(workingFolder, name);
  const faultOf = (name: string) =>
    loadSettings(SECTION_NAMES, { flags: { data: at(name) }, workingFolder: at('.'), env: {} }).faults;
  for (const name of ['folder', 'link', 'utf16', 'latin1', 'bom']) mkdirSync(at(name));
  mkdirSync(at('folder/sparewatt.toml'));
  writeFileSync(at('utf16/sparewatt.toml'), Buffer.from('\ufeff[node]\r\nslots = 2\r\n', 'utf16le'));
  writeFileSync(at('latin1/sparewatt.toml'), Buffer.from('[node]\nname = "büro"\n', 'latin1'));
  writeFileSync(at('bom/sparewatt.toml'), '\ufeff[node]\r\nname = "büro"\r\n');
  assert.deepEqual(faultOf('bom'), []);
  const unreadable = (name: string) => `The configuration file ${at(`${name}/sparewatt.toml`)} cannot be read: it is`;
  const faults = ['folder', 'utf16', 'latin1'].map((name) => faultOf(name).join());
  assert.equal(faults[0], `${unreadable('folder')} a folder. Move it away, or name a file with --config.`);
  for (const [index, name] of [
    [1, 'utf16'],
    [2, 'latin1'],
  ] as const)
    assert.ok(faults[index]?.startsWith(`${unreadable(name)} not UTF-8`), faults[index]);
  if (process.platform === 'win32') return;
  symlinkSync(at('unmounted/sparewatt.toml'), at('link/sparewatt.toml'));
  const [fault = ''] = faultOf('link');
  assert.ok(fault.startsWith(`${unreadable('link')} a link to what is not there`), fault);
});

test('what is no file in the place of one that is found is told, and a pipe that is named is read', {
  skip: process.platform === 'win32',
}, async (t) => {
  const workingFolder = temporaryFolder(t);
  const loadHere = (configFile?: string) =>
    loadSettings(SECTION_NAMES, { flags: {}, workingFolder, configFile, env: {} });
  const file = join(workingFolder, 'sparewatt.toml');
  await withEachNoFile(file, (kind) =>
    assert.match(
      loadHere().faults.join(),
      new RegExp(`${noFileSentence('sparewatt.toml', kind).source}, or name a file`),
    ),
  );
  execFileSync('mkfifo', [file]);
  const writer = spawn('sh', ['-c', 'printf "[node]\\nslots = 7\\n" > "$0"', file], { stdio: 'ignore' });
  afterTest(t, async () => void writer.kill());
  assert.equal(one(loadHere(file), 'node.slots').value, 7);
});

test('reads a data folder of the file relative to that file, and refuses one in the file that the data folder holds', (t) => {
  const folder = temporaryFolder(t);
  const file = join(folder, 'sparewatt.toml');
  writeFileSync(file, 'data = "inside"\n');
  const loaded = loadSettings(SECTION_NAMES, { flags: {}, env: {}, workingFolder: folder });
  assert.equal(settingsOf(loaded, 'program').data, join(folder, 'inside'));
  assert.match(load(t, { dataToml: 'data = "elsewhere"\n' }).faults.join(), /:1: data cannot be set by the file/);
});

test('the example explains every setting, sets none, and sets all of them when it is uncommented', (t) => {
  assert.deepEqual(
    load(t, { toml: exampleFile() }).settings.filter(({ origin }) => origin === 'file'),
    [],
  );
  const uncommented = exampleFile().replace(/^#(?! )/gm, '');
  const { settings, faults } = load(t, { toml: uncommented });
  assert.deepEqual(faults, []);
  const unset = settings.filter(({ origin, key }) => origin !== 'file' && key !== 'data');
  assert.deepEqual(
    unset.map(({ key }) => key),
    [],
  );
});

test('no two settings share a variable, but for the address of the relay', () => {
  const names = SECTION_NAMES.flatMap(rowsOf).map(({ setting }) => setting.env);
  assert.deepEqual(
    names.filter((name, index) => names.indexOf(name) !== index),
    ['SPAREWATT_RELAY'],
  );
});

test('a client asks the relay that is configured on this machine, unless another is named', (t) => {
  const at = (sources: Sources) => one(load(t, sources), 'client.relay');
  assert.deepEqual(at({}), { value: 'http://127.0.0.1:8484', origin: 'default', place: null });
  const inFile = at({ toml: '[relay]\nport = 9000\nhost = "0.0.0.0"\n' });
  assert.deepEqual([inFile.value, inFile.origin], ['http://127.0.0.1:9000', 'file']);
  const env = { SPAREWATT_RELAY_HOST: '::1' };
  assert.deepEqual(at({ toml: '[relay]\nport = 9000\n', env }), {
    value: 'http://[::1]:9000',
    origin: 'environment',
    place: 'SPAREWATT_RELAY_HOST',
  });
  assert.equal(at({ toml: '[relay]\nport = 9000\ntls = true\n' }).value, 'https://127.0.0.1:9000');
  assert.equal(at({ toml: '[relay]\nport = 0\n' }).value, 'http://127.0.0.1:8484');
  assert.equal(at({ toml: '[relay]\nport = 9000\n[client]\nrelay = "http://a:1"\n' }).value, 'http://a:1');
});

test('client and node go to the relay that runs with their data folder, wherever that listens', (t) => {
  const data = temporaryFolder(t);
  const file = join(data, 'relay', 'relay.pid');
  mkdirSync(join(data, 'relay'));
  const settings = (flags: Record<string, unknown> = {}, toml = '') => {
    writeFileSync(join(data, 'sparewatt.toml'), toml);
    return loadSettings(SECTION_NAMES, { flags: { data, ...flags }, workingFolder: data, env: {} });
  };
  const at = (...given: Parameters<typeof settings>) => one(settings(...given), 'client.relay');
  const holds = (text: string): void => writeFileSync(file, text);
  const url = 'https://127.0.0.1:41234';
  holds(JSON.stringify({ pid: process.pid, startedAt: 1, url }));
  assert.deepEqual(at(), { value: url, origin: 'running', place: file });
  assert.equal(one(settings(), 'node.relay').value, url);
  assert.equal(isToDiscover(settings({ discover: true }).settings), true);
  // What it was told to do is less than what it does, and a client that is told another asks that.
  assert.equal(at({}, '[client]\nrelay = "http://a:1"\n').value, 'http://a:1');
  assert.equal(at({ relay: 'http://a:1' }).value, 'http://a:1');
  assert.equal(at({}, '[relay]\nport = 9000\n').value, url);
  const usual = { value: 'http://127.0.0.1:8484', origin: 'default', place: null };
  for (const text of [
    JSON.stringify({ pid: process.pid, startedAt: 1 }),
    JSON.stringify({ pid: 2 ** 22 + 1, startedAt: 1, url }),
    JSON.stringify({ pid: process.pid, startedAt: 1, url: 'file:///etc/passwd' }),
    JSON.stringify({ pid: process.pid, startedAt: 1, url: 7 }),
    '{"pid":',
    'null',
    '',
  ]) {
    holds(text);
    assert.deepEqual(at(), usual, text);
  }
});

test('the bus takes no port that the relay takes itself', (t) => {
  const faults = (ports: string) => load(t, { toml: `[relay]\n${ports}` }).faults;
  const sentence = 'relay.bus_port is 9000 as relay.port is, and each takes one of its own. Leave relay.bus_port out.';
  assert.deepEqual(faults('port = 9000\nbus_port = 9000\n'), [sentence]);
  assert.deepEqual(faults('port = 0\nbus_port = 0\n'), []);
  assert.deepEqual(faults('port = 9000\n'), []);
});

test('a node goes to the relay that let it in last, unless it is told another', (t) => {
  const data = temporaryFolder(t);
  mkdirSync(join(data, 'node'));
  const file = join(data, 'node', REMEMBERED_RELAY_FILE);
  const at = (flags: Record<string, unknown> = {}) =>
    loadSettings(['program', 'node'], { flags, workingFolder: data, env: { SPAREWATT_DATA: data } });
  assert.equal(one(at(), 'node.relay').origin, 'default');
  mkdirSync(join(data, 'relay'));
  const running = { pid: process.pid, startedAt: 1, url: 'http://127.0.0.1:41234' };
  writeFileSync(join(data, 'relay', 'relay.pid'), JSON.stringify(running));
  assert.equal(one(at(), 'node.relay').value, running.url);
  writeFileSync(file, rememberedRelayText({ relay: 'http://192.0.2.1:8484', name: 'attic' }));
  assert.deepEqual(one(at(), 'node.name'), { value: 'attic', origin: 'remembered', place: file });
  assert.equal(one(at({ name: 'den' }), 'node.name').value, 'den');
  assert.deepEqual(one(at(), 'node.relay'), { value: 'http://192.0.2.1:8484', origin: 'remembered', place: file });
  assert.equal(one(at({ relay: 'http://a:1' }), 'node.relay').value, 'http://a:1');
  assert.equal(isToDiscover(at({ discover: true }).settings), true);
});

test('a remembered relay that is damaged is said, and does not matter to a node that is told another', (t) => {
  const data = temporaryFolder(t);
  mkdirSync(join(data, 'node'));
  const at = (flags: Record<string, unknown> = {}) =>
    loadSettings(['program', 'node'], { flags, workingFolder: data, env: { SPAREWATT_DATA: data } });
  for (const text of ['', '{}', '{"relay":"ftp://a","name":"x"}', '{"relay":"http://a:99999999","name":"x"}']) {
    writeFileSync(join(data, 'node', REMEMBERED_RELAY_FILE), text);
    assert.match(at().faults.join(), /relay\.json is damaged\. Remove it, or give .* --relay\.$/);
    assert.deepEqual(at({ relay: 'http://a:1' }).faults, []);
  }
});

test('a remembered relay that cannot be read is no damaged one, which a person would remove', (t) => {
  const data = temporaryFolder(t);
  const file = join(data, 'node', REMEMBERED_RELAY_FILE);
  const faults = () => loadSettings(SECTION_NAMES, { flags: { data }, workingFolder: data, env: {} }).faults.join();
  mkdirSync(file, { recursive: true });
  assert.match(faults(), /relay\.json cannot be used: it is a folder\. Move it away, or give .* --relay\.$/);
  rmSync(file, { recursive: true });
  symlinkSync(join(data, 'not-mounted'), file);
  assert.match(faults(), /relay\.json cannot be read: it is a link to .*, or give .* --relay\.$/);
});

test('points at a variable that nothing reads, and leaves those of others alone', () => {
  const env = {
    SPAREWATT_JOIN_TOKN: '1',
    SPAREWATT_RELAY_HOSTT: '1',
    SPAREWATT_DATA: 'x',
    SPAREWATT_WALLPAPER: 'x',
    SPAREWATT_TEST_CHROMIUM: 'x',
    HOME: '/',
  };
  assert.deepEqual(unreadVariables(env), [
    'SPAREWATT_JOIN_TOKN is read by nothing. Did you mean SPAREWATT_JOIN_TOKEN?',
    'SPAREWATT_RELAY_HOSTT is read by nothing. Did you mean SPAREWATT_RELAY_HOST?',
    'SPAREWATT_WALLPAPER is read by nothing. "sparewatt config" shows what is.',
  ]);
});

test('[D8] what was said in the higher place counts between an address and discovery', (t) => {
  const decide = (sources: Sources) => isToDiscover(load(t, sources).settings);
  const toml = '[node]\nrelay = "http://a:1"\n';
  assert.equal(decide({}), false);
  assert.equal(decide({ flags: { discover: true } }), true);
  assert.equal(decide({ toml, flags: { discover: true } }), true);
  assert.equal(decide({ toml: '[node]\ndiscover = true\n', env: { SPAREWATT_RELAY: 'http://a:1' } }), false);
  assert.equal(decide({ toml, flags: { discover: false } }), false);
});

test('[D8] an address and discovery in the same place are refused', (t) => {
  const { settings } = load(t, { flags: { discover: true, relay: 'http://a:1' } });
  assert.throws(() => isToDiscover(settings), isProblem('invalid_setting', /--discover and --relay .*Give one/));
});
