/** What the pod of the chart runs, on a system that nobody can write to, as a user without rights and the first process. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { type TestContext, test } from 'node:test';
import { afterTest } from '../support/after-test.ts';
import { ROOT } from '../support/command.ts';
import { freePort } from '../support/network/free-port.ts';
import { manifestsOf, podOf, renderedFileOf } from '../support/packaging/chart.ts';
import { imageFolder, instruction } from '../support/packaging/image-folder.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { until } from '../support/until.ts';

const { pod, container } = podOf(manifestsOf(readFileSync(renderedFileOf('least'), 'utf8')));

/** What of this checkout the box is given where it is. */
const SEEN = [realpathSync(join(ROOT, 'node_modules')), realpathSync(process.execPath)];

type Box = { args: string[]; data: string };

/** As the container has it: the image's folder at /app, a folder for each mount, and everything else to read alone. */
function boxOf(t: TestContext): Box {
  const data = temporaryFolder(t);
  const { runAsUser, runAsGroup } = pod.spec.securityContext;
  const system = ['/usr', '/bin', '/lib', '/lib64', '/etc'].flatMap((path) => ['--ro-bind-try', path, path]);
  const mounts = container.volumeMounts.flatMap(({ name, mountPath }) => {
    const folder = join(data, name);
    mkdirSync(folder, { recursive: true });
    return ['--bind', folder, mountPath];
  });
  const args = [
    ...['--unshare-user', '--unshare-ipc', '--uid', `${runAsUser}`, '--gid', `${runAsGroup}`, '--cap-drop', 'ALL'],
    ...[...system, '--proc', '/proc', '--dev', '/dev', '--ro-bind', imageFolder(t), '/app', '--chdir', '/app'],
    // After the mounts, of which one is /tmp: this checkout may lie there.
    ...[...mounts, ...SEEN.flatMap((path) => ['--ro-bind', path, path])],
    ...['--remount-ro', '/', '--die-with-parent'],
  ];
  return { args, data: join(data, 'data') };
}

function whyNoBox(): string | undefined {
  const args = ['--unshare-user', '--unshare-pid', '--uid', '1000', '--ro-bind', '/', '/', '--proc', '/proc', 'true'];
  const { status } = spawnSync('bwrap', args);
  return status === 0 ? undefined : 'NOT TESTED HERE: bubblewrap makes no sandbox (Debian: apt-get install bubblewrap)';
}

async function environmentOf(): Promise<Record<string, string>> {
  const given = Object.fromEntries(container.env.map(({ name, value = '' }) => [name, value]));
  const image = { NODE_ENV: 'production', SPAREWATT_DATA: '/data', NODE_COMPILE_CACHE: '/data/compile-cache' };
  // The ports of this machine, on which much else runs; and no reason to wait until a load balancer has looked elsewhere.
  return {
    ...{ ...given, ...image, PATH: '/usr/bin:/bin', SPAREWATT_RELAY_HOST: '127.0.0.1', SPAREWATT_RELAY_DRAIN_S: '1' },
    SPAREWATT_RELAY_PORT: `${await freePort()}`,
    SPAREWATT_RELAY_BUS_PORT: `${await freePort()}`,
  };
}

/** The status with which a probe is answered; undefined where nobody listens. */
async function probe(name: 'startupProbe' | 'readinessProbe', port: string | undefined): Promise<number | undefined> {
  const { path, scheme } = container[name].httpGet;
  try {
    return (await fetch(`${scheme.toLowerCase()}://127.0.0.1:${port}${path}`)).status;
  } catch {
    return undefined;
  }
}

/** Waits until the pod is ready. One that ends instead, or never is, says what it said. */
async function untilReady({ exit, said }: Container, port: string | undefined): Promise<void> {
  let status: number | undefined;
  let hasEnded = false;
  void exit.then(() => {
    hasEnded = true;
  });
  const isOver = async (): Promise<boolean> => {
    status = await probe('readinessProbe', port);
    return status === 200 || hasEnded;
  };
  await until(isOver, 60_000).catch(() => undefined);
  assert.equal(status, 200, said());
}

/** The container's first process, as this machine counts it. */
function firstProcess(child: ChildProcess): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  let told = '';
  const stream = child.stdio[3] as Readable;
  // It is read to its end: bubblewrap would end at what it cannot write, and what it has started would wait for ever.
  stream.on('data', (piece: Buffer) => {
    told += String(piece);
    const [, pid] = /"child-pid": (\d+)\D/.exec(told) ?? [];
    if (pid !== undefined) resolve(Number(pid));
  });
  stream.on('end', () => reject(new Error(`bubblewrap did not say what it started: ${told}`)));
  return promise;
}

type Container = { pid: number; exit: Promise<number | null>; said(): string };

/** Starts the container. What it says is kept. */
async function startContainer(t: TestContext, { args }: Box, env: Record<string, string>): Promise<Container> {
  const [, ...entry] = instruction('ENTRYPOINT');
  const first = ['--unshare-pid', '--as-pid-1', '--info-fd', '3'];
  const command = [...args, ...first, process.execPath, ...entry, ...instruction('CMD')];
  const child = spawn('bwrap', command, { env, stdio: ['ignore', 'pipe', 'pipe', 'pipe'] });
  afterTest(t, () => void child.kill('SIGKILL'));
  let said = '';
  const hear = (piece: Buffer): void => {
    said += String(piece);
  };
  child.stdout?.on('data', hear);
  child.stderr?.on('data', hear);
  const exit = once(child, 'close').then(([code]) => code as number | null);
  return { pid: await firstProcess(child), exit, said: () => said };
}

test('the pod starts on a system that cannot be written to, gives keys as the notes say, and ends in time', {
  skip: whyNoBox() ?? false,
}, async (t) => {
  const box = boxOf(t);
  const env = await environmentOf();
  const started = await startContainer(t, box, env);
  const { pid, exit, said } = started;
  const isAt = (name: 'startupProbe' | 'readinessProbe') => probe(name, env.SPAREWATT_RELAY_PORT);
  await untilReady(started, env.SPAREWATT_RELAY_PORT);
  assert.equal(await isAt('startupProbe'), 200);
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  assert.match(status, /^NSpid:\t\d+\t1$/m, 'it is the first process, which has to do something about every signal');
  assert.match(status, /^CapEff:\t0+$/m);
  // What the notes tell to run beside it.
  const run = (...words: string[]) => spawnSync('bwrap', [...box.args, ...words], { env, encoding: 'utf8' });
  const made = run(process.execPath, ...instruction('ENTRYPOINT').slice(1), 'keys', 'create', 'forum', '--json');
  assert.equal(made.status, 0, made.stderr);
  const token = run(process.execPath, '-p', 'JSON.parse(fs.readFileSync("/data/relay/keys.json")).adminToken');
  assert.match(token.stdout, /^sw-admin-/);
  const link = run(process.execPath, ...instruction('ENTRYPOINT').slice(1), 'pair', '--json');
  assert.ok(link.stdout.includes(encodeURIComponent(env.SPAREWATT_RELAY_PUBLIC_URL ?? '?')), link.stdout + link.stderr);
  assert.notEqual(run('/usr/bin/touch', '/app/sparewatt.toml').status, 0);
  // Keys are its own, although the volume belongs to the group.
  assert.equal(statSync(join(box.data, 'relay', 'keys.json')).mode & 0o777, 0o600);
  process.kill(pid, 'SIGTERM');
  await until(async () => (await isAt('readinessProbe')) === 503);
  assert.equal(await isAt('startupProbe'), 200, 'a relay that drains is alive');
  assert.equal(await exit, 0, said());
  assert.ok(!said().includes(token.stdout.trim()));
  const left = readdirSync(join(box.data, '..', 'tmp'));
  assert.deepEqual(
    left.filter((name) => !SEEN.some((path) => path.startsWith(`/tmp/${name}/`))),
    [],
  );
});

test('a pod that was killed starts again from its volume', { skip: whyNoBox() ?? false }, async (t) => {
  const box = boxOf(t);
  const env = await environmentOf();
  const keys = (): string => readFileSync(join(box.data, 'relay', 'keys.json'), 'utf8');
  const first = await startContainer(t, box, env);
  await untilReady(first, env.SPAREWATT_RELAY_PORT);
  const before = keys();
  // All that it started goes with it, as in a container.
  process.kill(first.pid, 'SIGKILL');
  await first.exit;
  const second = await startContainer(t, box, env);
  await untilReady(second, env.SPAREWATT_RELAY_PORT);
  assert.equal(keys(), before);
  process.kill(second.pid, 'SIGTERM');
  assert.equal(await second.exit, 0, second.said());
});
