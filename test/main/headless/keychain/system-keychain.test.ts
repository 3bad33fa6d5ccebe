import assert from 'node:assert/strict';
import { describe, it, test } from 'node:test';
import { systemKeychain } from '../../../../main/headless/keychain/system-keychain.ts';
import { needsSecretService, startSecretService } from '../../../support/desktop/secret-service.ts';
import { descendantsOf } from '../../../support/processes.ts';
import { until } from '../../../support/until.ts';

const never = () => new AbortController().signal;

describe('the keychain of a Linux session', needsSecretService, () => {
  it('keeps each account apart, replaces a secret, and removes it', async (t) => {
    const { env, restart } = await startSecretService(t);
    const keychain = systemKeychain(env);
    assert.equal(await keychain.read('a', never()), undefined);
    await keychain.write('a', 'first\n', never());
    await keychain.write('b', 'other', never());
    await keychain.write('a', 'second\n', never());
    await restart('unlocked');
    assert.equal(await keychain.read('a', never()), 'second\n');
    await keychain.remove('a', never());
    await keychain.remove('a', never());
    assert.equal(await keychain.read('a', never()), undefined);
    assert.equal(await keychain.read('b', never()), 'other');
  });

  it('refuses to read and to write while it is locked, and says why', async (t) => {
    const { env, restart } = await startSecretService(t);
    const keychain = systemKeychain(env);
    await keychain.write('a', 'hushed', never());
    await restart('locked');
    await assert.rejects(keychain.read('a', never()), /prompt|unlock/i);
    await assert.rejects(keychain.write('a', 'hushed', never()), (error: unknown) => {
      assert.match(String(error), /prompt|unlock/i);
      assert.doesNotMatch(String(error), /hushed/);
      return true;
    });
    await restart('unlocked');
    assert.equal(await keychain.read('a', never()), 'hushed');
  });

  it('is let go of when it does not answer, and leaves no process behind', async (t) => {
    const { env, freeze } = await startSecretService(t);
    const keychain = systemKeychain(env);
    freeze();
    const before = descendantsOf(process.pid).length;
    const controller = new AbortController();
    const reading = keychain.read('a', controller.signal);
    await until(() => descendantsOf(process.pid).length > before);
    controller.abort();
    await assert.rejects(reading, /SIGKILL/);
    await until(() => descendantsOf(process.pid).length <= before);
  });
});

test('a system without a keychain says so, and so does one for which the native module is missing', async () => {
  const nowhere = { ...process.env, DBUS_SESSION_BUS_ADDRESS: 'unix:path=/nonexistent/bus' };
  if (process.platform === 'linux') await assert.rejects(systemKeychain(nowhere).read('a', never()), /DBus/);
  const missing = { ...process.env, NAPI_RS_NATIVE_LIBRARY_PATH: '/nonexistent/keyring.node' };
  await assert.rejects(
    systemKeychain(missing).read('a', never()),
    /^Error: the package @napi-rs\/keyring has no program/,
  );
});

test('a call whose limit is over before it begins starts no process', async () => {
  await assert.rejects(systemKeychain().read('a', AbortSignal.abort()), { name: 'AbortError' });
});
