import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { ApiKey, CreatedKey } from '../../shared/api/keys.ts';
import { type Command, runSparewatt, sparewatt } from '../support/command.ts';

describe('sparewatt keys', () => {
  const data = mkdtempSync(join(tmpdir(), 'sparewatt-test-'));
  let relay: Command;
  let url: string;
  const keys = (...args: string[]) => runSparewatt(['keys', ...args, '--relay', url, '--data', data]);

  before(async () => {
    relay = sparewatt(['relay', '--port', '0', '--data', data, '--ready-json', '--log-level', 'silent']);
    ({ url } = JSON.parse(await relay.firstLine()) as { url: string });
  });
  after(async () => {
    relay.child.kill('SIGTERM');
    await relay.exit;
    rmSync(data, { recursive: true, force: true });
  });

  it('makes a key, shows it this once, lists it with its limits, rotates and revokes it', async () => {
    const limits = [
      '--scope',
      'inference',
      'jobs',
      '--only-model',
      'sparewatt/demo-chat',
      '--requests-per-minute',
      '60',
      '--days',
      '30',
    ];
    const made = await keys('create', 'forum bot', ...limits);
    assert.match(made.stdout, /^forum bot {2}key_\w+\n\n {2}sk-sparewatt-\S+\n\nIt is not shown again/);
    const [id = ''] = /key_\w+/.exec(made.stdout) ?? [];
    const listed = await keys('list');
    assert.match(listed.stdout, /^KEY-ID +KEY +STATE +NAME +LAST USED +LIMITS\n/);
    assert.match(
      listed.stdout,
      new RegExp(
        `${id} +sk-sparewatt-.{6}… +active +forum bot +never +only inference jobs, sparewatt/demo-chat, 60 requests/min \\(60 left\\), until 2`,
      ),
    );
    assert.doesNotMatch(listed.stdout, /sk-sparewatt-[\w-]{7}/);
    const rotated = JSON.parse((await keys('rotate', id, '--overlap', '0', '--json')).stdout) as CreatedKey;
    assert.deepEqual(rotated.models, ['sparewatt/demo-chat']);
    const revoked = await keys('revoke', rotated.id);
    assert.equal(revoked.stdout, `${rotated.id} (forum bot) is revoked: whoever uses it is refused from now on.\n`);
    assert.match(revoked.stderr, /^The keys that are left: {2}.*sparewatt keys list --data /);
    const all = JSON.parse((await keys('list', '--json')).stdout) as ApiKey[];
    assert.deepEqual(
      all.map(({ name, state }) => [name, state]),
      [
        ['first key', 'active'],
        ['forum bot', 'expired'],
        ['forum bot', 'revoked'],
      ],
    );
  });

  it('shows the secret of a key that must sign, this once, and that it must', async () => {
    const made = await keys('create', 'signer', '--hmac');
    assert.match(
      made.stdout,
      /\n {2}sk-sparewatt-\S+\n {2}sw-sign-\S+\n\n.* Neither is shown again\.\n\nTry it: {2}.*sparewatt chat [^\n]*\n$/,
    );
    assert.doesNotMatch(made.stderr, /sk-|sw-sign/, 'what is shown once is shown in one place');
    const [id = ''] = /key_\w+/.exec(made.stdout) ?? [];
    const { stdout } = await keys('list');
    assert.match(stdout, new RegExp(`${id} +sk-sparewatt-.{6}… +active +signer +never +signed requests`));
    assert.doesNotMatch(stdout, /sw-sign/);
  });

  it('says how long the key before a rotated one holds, and shows how the new one is used', async () => {
    const [id = ''] = /key_\w+/.exec((await keys('create', 'turning')).stdout) ?? [];
    const rotated = await keys('rotate', id, '--overlap', '3600');
    assert.match(rotated.stdout, new RegExp(`\nThe key before it, ${id}, holds for 60 min more\\.\n$`));
    assert.match(
      rotated.stdout,
      /\nTry it: {2}.*sparewatt chat "What is 17 \+ 25\?" --api-key sk-sparewatt-\S+ --data /,
    );
    assert.match(rotated.stderr, new RegExp(`^End that one now: {2}.*sparewatt keys revoke ${id} `));
  });

  it('tells a use at once, what a key may owe, and times by the clock of this machine', async () => {
    const made = await keys('create', 'shop', '--credit-limit', '0', '--days', '3');
    const [id = ''] = /key_\w+/.exec(made.stdout) ?? [];
    const [key = ''] = /sk-sparewatt-\S+/.exec(made.stdout) ?? [];
    assert.match(made.stderr, new RegExp(`^Before it can pay for anything: .*sparewatt credits grant ${id} `));
    await runSparewatt(['models', '--relay', url, '--api-key', key]);
    const args = ['keys', 'list', '--relay', url, '--data', data];
    const shown = (await runSparewatt(args, { env: { TZ: 'Asia/Kathmandu' } })).stdout;
    const listed = JSON.parse((await keys('list', '--json')).stdout) as ApiKey[];
    const { expires_at: end, last_used_at: used } = listed.find((one) => one.id === id) ?? assert.fail();
    assert.ok(used !== null, 'a key that was used once is not told as one that never was');
    const [, day, time] =
      /^(.*), (.*):/.exec(new Date(end ?? 0).toLocaleString('sv', { timeZone: 'Asia/Kathmandu' }).replace(' ', ', ')) ??
      [];
    assert.match(
      shown,
      new RegExp(`${id} .* shop +\\d\\d:\\d\\d +may owe 0 credits \\(0 left\\), until ${day} ${time}\n`),
    );
  });

  it('lists what a key is for behind everything else', async () => {
    assert.equal((await keys('create', 'helper', '--description', 'ask Jo about it')).code, 0);
    const { stdout } = await keys('list');
    assert.match(stdout, /^KEY-ID .* LIMITS +DESCRIPTION\n/);
    assert.match(stdout, / helper +never +none +ask Jo about it\n/);
  });

  it('changes a key, shows what is used and left of it, and takes limits away', async () => {
    const [id = ''] = /key_\w+/.exec((await keys('create', 'to be changed', '--tokens-per-minute', '5')).stdout) ?? [];
    const budget = ['--budget', '2.5', '--budget-duration', '1mo', '--soft-budget', '2'];
    const changed = await keys('update', id, '--name', 'changed', '--max-parallel-requests', '4', ...budget);
    const limits = '5 tokens/min (5 left), 0 of 4 requests at once, 0 of 2.5 credits spent in 1mo (2.5 left), renewed ';
    const [, after = ''] = changed.stdout.split(limits);
    assert.equal(changed.stdout, `${id} (changed) is changed. Limits: ${limits}${after}`);
    assert.match(after, /^\d{4}-\d\d-01 \d\d:\d\d\n$/);
    const listed = (await keys('list')).stdout.split('\n').find((line) => line.includes(id)) ?? '';
    assert.match(listed.slice(0, listed.indexOf(limits)), / changed +never +$/);
    const none = ['tokens-per-minute', 'max-parallel-requests', 'budget', 'budget-duration', 'soft-budget'];
    const freed = await keys('update', id, ...none.flatMap((limit) => [`--${limit}`, 'none']), '--scope', 'usage');
    assert.match(freed.stdout, /Limits: only usage\n$/);
    const all = await keys('update', id, '--scope', 'all', '--only-model', 'all', '--json');
    assert.equal((JSON.parse(all.stdout) as ApiKey).scopes.length, 6);
  });

  it('says what is wrong with a change', async () => {
    const [id = ''] = /key_\w+/.exec((await keys('create', 'as it is')).stdout) ?? [];
    const nothing = await keys('update', id);
    assert.deepEqual([nothing.code, /Say what is to change/.test(nothing.stderr)], [2, true]);
    const duration = await keys('update', id, '--budget', '1', '--budget-duration', '1y');
    assert.deepEqual([duration.code, /such as 1mo/.test(duration.stderr)], [2, true]);
    const soft = await keys('update', id, '--budget', '1', '--soft-budget', '2');
    assert.deepEqual([soft.code, /must be less than/.test(soft.stderr)], [1, true]);
    assert.match((await keys('update', 'key_nobody', '--name', 'x')).stderr, /\(key_not_found\)/);
  });

  it('says what is wrong with a command line or an id', async () => {
    assert.equal((await keys('create', 'x', '--requests-per-minute', '0')).code, 2);
    assert.match((await keys('create', 'x', '--scope', 'everything')).stderr, /inference, jobs, files/);
    const unknown = await keys('revoke', 'key_nobody');
    assert.deepEqual([unknown.code, /\(key_not_found\)/.test(unknown.stderr)], [1, true]);
  });
});
