import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import { knownVariables } from '../../relay/config/unread-variables.ts';
import { ROOT, sparewatt } from '../support/command.ts';
import { freePort } from '../support/network/free-port.ts';
import { buildFile, copiedIntoImage, imageFolder, instruction } from '../support/packaging/image-folder.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { until } from '../support/until.ts';

type Service = {
  build: { context: string; dockerfile: string };
  environment: Record<string, string>;
  ports: string[];
  volumes: string[];
  healthcheck: { test: string[]; start_interval?: string };
  stop_grace_period: string;
  [member: string]: unknown;
};

/** Throws for a key that is there twice, which YAML's readers otherwise take in silence. */
const compose = parse(buildFile('compose.yaml'), { strict: true, uniqueKeys: true }) as {
  services: Record<string, Service>;
  volumes: Record<string, unknown>;
};
const relay = compose.services.relay ?? assert.fail('there is no service named relay');

test('compose.yaml opens the relay to this machine alone, and gives it nothing it does not need', () => {
  assert.ok(relay.ports.every((port) => port.startsWith('127.0.0.1:')));
  assert.deepEqual([relay.user, relay.read_only, relay.cap_drop], ['node', true, ['ALL']]);
  assert.deepEqual(relay.security_opt, ['no-new-privileges:true']);
  assert.ok(!('privileged' in relay) && !('network_mode' in relay));
  assert.deepEqual(relay.volumes, ['data:/data']);
  assert.ok('data' in compose.volumes);
});

test('compose.yaml asks for nothing that Docker before 25 and Podman refuse', () => {
  // docker compose creates no container at all with it where the daemon does not know it.
  assert.equal(relay.healthcheck.start_interval, undefined);
});

test('compose.yaml sets what the relay reads, and no secret', () => {
  const known = knownVariables();
  for (const name of Object.keys(relay.environment)) {
    assert.ok(known.includes(name), name);
    assert.doesNotMatch(name, /KEY|TOKEN|SECRET|PASSWORD|HEADERS/);
  }
  const published = relay.ports.map((port) => port.split(':').at(-1));
  const {
    SPAREWATT_RELAY_PORT: port,
    SPAREWATT_RELAY_BUS_PORT: busPort,
    SPAREWATT_RELAY_PUBLIC_URL: url,
  } = relay.environment;
  assert.deepEqual(published, [port, busPort]);
  assert.equal(`${url}:${port}`, `http://${relay.ports[0]}`);
  assert.ok(Number.parseInt(relay.stop_grace_period, 10) > Number(relay.environment.SPAREWATT_RELAY_DRAIN_S) + 2);
});

test('compose.postgres.yaml gives the relay a database that nobody else reaches, and holds no password', () => {
  const { services, volumes } = parse(buildFile('compose.postgres.yaml'), { strict: true, uniqueKeys: true }) as {
    services: Record<'relay' | 'db', Partial<Service> & { depends_on?: string[]; environment: Record<string, string> }>;
    volumes: Record<string, unknown>;
  };
  const { environment, depends_on: dependsOn } = services.relay;
  for (const name of Object.keys(environment)) assert.ok(knownVariables().includes(name), name);
  const [user, password, host, database] = /^postgres:\/\/(\w+):(\$\{[^}]+\})@(\w+)\/(\w+)$/
    .exec(environment.DATABASE_URL ?? '')
    ?.slice(1) ?? ['no address'];
  const { POSTGRES_USER, POSTGRES_DB, POSTGRES_PASSWORD } = services.db.environment;
  assert.deepEqual([user, password, host, database], [POSTGRES_USER, POSTGRES_PASSWORD, 'db', POSTGRES_DB]);
  assert.match(password ?? '', /^\$\{POSTGRES_PASSWORD:\?/);
  assert.deepEqual(dependsOn, ['db']);
  assert.ok(!('ports' in services.db));
  assert.deepEqual(
    services.db.volumes,
    Object.keys(volumes).map((name) => `${name}:/var/lib/postgresql/data`),
  );
});

test('the Dockerfile copies what there is, and runs the command as nobody in particular', () => {
  const text = buildFile('Dockerfile');
  assert.ok(existsSync(join(ROOT, 'build', relay.build.context, relay.build.dockerfile)));
  for (const name of /^COPY (package\.json.*) \.\/$/m.exec(text)?.[1]?.split(' ') ?? ['nothing']) {
    assert.ok(existsSync(join(ROOT, name)), name);
  }
  assert.equal(text.match(/^USER .*$/gm)?.join(), 'USER node');
  assert.ok(text.indexOf('USER node') < text.indexOf('ENTRYPOINT'));
  assert.ok(existsSync(join(ROOT, instruction('ENTRYPOINT')[1] ?? '')));
  // A sparewatt.toml of the working folder may hold secrets, and the relay would read it.
  const kept = copiedIntoImage();
  for (const name of ['sparewatt.toml', '.env', '.git', '.sparewatt', 'node_modules'])
    assert.ok(!kept.includes(name), name);
});

for (const tls of ['false', 'true']) {
  const how = tls === 'true' ? 'with TLS' : 'as it stands';
  test(`what the container runs starts ${how}, is found healthy, drains, and prints no key`, async (t) => {
    const data = temporaryFolder(t);
    // Once is enough: nothing in a folder of its own was compiled before, and it must not fill the cache of the others.
    const isApart = tls === 'false';
    const folder = isApart ? imageFolder(t) : ROOT;
    const [port, busPort] = [await freePort(), await freePort()];
    const env = {
      ...relay.environment,
      SPAREWATT_DATA: data,
      SPAREWATT_RELAY_HOST: '127.0.0.1',
      SPAREWATT_RELAY_PORT: `${port}`,
      SPAREWATT_RELAY_BUS_PORT: `${busPort}`,
      SPAREWATT_RELAY_DRAIN_S: '1',
      SPAREWATT_RELAY_TLS: tls,
      ...(isApart ? { NODE_COMPILE_CACHE: join(data, 'compile-cache') } : {}),
    };
    const bin = join(folder, instruction('ENTRYPOINT')[1] ?? '');
    const command = sparewatt(instruction('CMD'), { env, bin, cwd: folder });
    // Compose writes a dollar sign twice.
    const [, program, ...args] = relay.healthcheck.test.map((part) => part.replaceAll('$$', '$'));
    assert.equal(program, 'node');
    const check = (): number | null => spawnSync(process.execPath, args, { env: { ...process.env, ...env } }).status;
    assert.equal(check(), 1);
    await until(() => check() === 0 || command.child.exitCode !== null, 60_000);
    command.child.kill('SIGTERM');
    await until(() => check() === 1);
    assert.equal(await command.exit, 0, command.stderr());
    assert.equal(command.stdout(), '');
    const { apiKey, adminToken } = JSON.parse(readFileSync(join(data, 'relay', 'keys.json'), 'utf8')) as Record<
      string,
      string
    >;
    for (const secret of [apiKey, adminToken]) assert.ok(!command.stderr().includes(secret ?? ''));
  });
}

test('the systemd unit gives the relay a home and folders of its own, and leaves it what it needs', () => {
  const text = buildFile('sparewatt-relay.service');
  const given = (name: string): string | undefined => new RegExp(`^${name}=(.*)$`, 'm').exec(text)?.[1];
  const [state, cache] = [`/var/lib/${given('StateDirectory')}`, `/var/cache/${given('CacheDirectory')}`];
  assert.ok(given('ExecStart')?.endsWith(` --data ${state}`));
  assert.match(text, new RegExp(`^Environment=HOME=${state}$`, 'm'));
  assert.match(text, new RegExp(`^Environment=.*NODE_COMPILE_CACHE=${cache}$`, 'm'));
  // A NATS server that ends with a relay that crashed would cut every node off.
  assert.equal(given('KillMode'), 'process');
  // V8 compiles while it runs.
  assert.equal(given('MemoryDenyWriteExecute'), undefined);
});

const systemd = spawnSync('systemd-analyze', ['--version']).status === 0;
const skip = systemd ? false : 'there is no systemd-analyze on this machine';

test('the systemd unit is understood, and leaves little exposed', { skip }, (t) => {
  const file = join(temporaryFolder(t), 'sparewatt-relay.service');
  const text = buildFile('sparewatt-relay.service');
  assert.match(text, /^ExecStart=\/usr\/bin\/node \/opt\/sparewatt\/relay\/cli\/bin\.mjs relay --quiet /m);
  // The program must exist where it is verified.
  writeFileSync(file, text.replace('/usr/bin/node', process.execPath));
  const verified = spawnSync('systemd-analyze', ['verify', '--man=no', file], { encoding: 'utf8' });
  assert.equal(verified.status, 0, verified.stderr);
  assert.doesNotMatch(verified.stderr, /sparewatt-relay\.service/);
  const judged = execFileSync('systemd-analyze', ['security', '--offline=true', '--no-pager', file], {
    encoding: 'utf8',
  });
  const exposure = Number(/exposure level for \S+: ([\d.]+)/.exec(judged)?.[1]);
  assert.ok(exposure < 2, judged);
});
