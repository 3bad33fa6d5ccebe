/** The chart of `build/chart`: what helm has made of it (`chart/renew.ts`), and where helm is, that it still does. */
import assert from 'node:assert/strict';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, test } from 'node:test';
import { Compile } from 'typebox/schema';
import { stringify } from 'yaml';
import { RELAY_SECTIONS } from '../../relay/cli/commands/relay.ts';
import { rowsOf } from '../../relay/config/sections.ts';
import { ROOT } from '../support/command.ts';
import {
  CHART,
  chartCases,
  chartFile,
  digestOf,
  type Manifest,
  manifestsOf,
  podOf,
  RELEASE,
  renderChart,
  renderedFileOf,
  valuesFileOf,
  whyNoHelm,
} from '../support/packaging/chart.ts';
import { buildFile } from '../support/packaging/image-folder.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const skip = whyNoHelm() ?? false;
const schemaText = readFileSync(join(CHART, 'values.schema.json'), 'utf8');
const schema = JSON.parse(schemaText) as { properties: Record<string, { properties: Record<string, unknown> }> };
const SECRETS = ['DATABASE_URL', 'OTEL_EXPORTER_OTLP_HEADERS', 'SPAREWATT_RELAY_NATS'];
/** A folder of the image, multicast that does not leave the pod, and a NATS server that goes with its container. */
const NOT_IN_A_CLUSTER = ['SPAREWATT_DATA', 'SPAREWATT_MDNS', 'SPAREWATT_RELAY_KEEP_BUS'];

type Values = { [name: string]: unknown };

/** As helm lays values over those of the chart. */
function laidOver(under: unknown, over: unknown): unknown {
  const isMap = (value: unknown): value is Values =>
    typeof value === 'object' && value !== null && !Array.isArray(value);
  if (!isMap(under) || !isMap(over)) return over;
  const all = { ...under };
  for (const [name, value] of Object.entries(over)) all[name] = laidOver(under[name], value);
  return all;
}

function renderingOf(name: string): Map<string, Manifest> {
  return manifestsOf(readFileSync(renderedFileOf(name), 'utf8'));
}

test('the chart is of the version of package.json, and so is the image that it names', () => {
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
  const chart = chartFile('Chart.yaml');
  assert.deepEqual([chart.version, chart.appVersion], [version, version]);
  assert.equal(podOf(renderingOf('least')).container.image, `registry.example/sparewatt:${version}`);
});

for (const name of chartCases()) {
  test(`the rendering for ${name} is of the chart as it stands (node test/build/chart/renew.ts)`, () => {
    assert.equal(readFileSync(renderedFileOf(name), 'utf8').split('\n', 1)[0]?.split(': ')[1], digestOf(name));
  });

  describe(`the chart for ${name}`, () => {
    const manifests = renderingOf(name);
    const { pod, container } = podOf(manifests);
    const { spec } = manifests.get('StatefulSet') ?? assert.fail();

    it('runs one relay, without root, privileges, tokens or a writable system', () => {
      const { runAsNonRoot, runAsUser, seccompProfile } = pod.spec.securityContext;
      assert.equal(spec.replicas, 1);
      assert.deepEqual([runAsNonRoot, seccompProfile], [true, { type: 'RuntimeDefault' }]);
      assert.ok(
        Number(runAsUser) > 0,
        'the user of the image has a name, of which Kubernetes cannot tell that it is not root',
      );
      assert.deepEqual(container.securityContext, {
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      });
      assert.equal(pod.spec.automountServiceAccountToken, false);
      for (const shared of ['hostNetwork', 'hostPID', 'hostIPC', 'hostPath', 'privileged'])
        assert.doesNotMatch(JSON.stringify(pod), new RegExp(shared));
    });

    it('lets an upgrade replace a pod that never became ready', () => {
      // Otherwise Kubernetes waits for it for ever, also when the next upgrade mends what was wrong.
      assert.equal(spec.podManagementPolicy, 'Parallel');
    });

    it('sets what the relay reads, each once, and no secret as it is', () => {
      const known = RELAY_SECTIONS.flatMap(rowsOf).map(({ setting }) => setting.env);
      const names = container.env.map((one) => one.name);
      assert.deepEqual(names, [...new Set(names)]);
      for (const { name: variable, value, valueFrom } of container.env) {
        assert.ok(known.includes(variable), variable);
        assert.equal(typeof value, valueFrom === undefined ? 'string' : 'undefined', variable);
        assert.equal(valueFrom !== undefined, SECRETS.includes(variable), variable);
      }
      for (const kind of ['Secret', 'ServiceAccount', 'Role', 'ConfigMap']) assert.ok(!manifests.has(kind));
      assert.equal(
        pod.spec.enableServiceLinks,
        false,
        'a Service named sparewatt-relay would set SPAREWATT_RELAY_PORT',
      );
    });

    it('leaves time to drain and to end, and to wait for the database', () => {
      const seconds = (variable: string): number =>
        Number(container.env.find((one) => one.name === variable)?.value ?? 0);
      const { startupProbe, livenessProbe, readinessProbe } = container;
      assert.ok(pod.spec.terminationGracePeriodSeconds >= seconds('SPAREWATT_RELAY_DRAIN_S') + 30);
      const patience = startupProbe.periodSeconds * startupProbe.failureThreshold;
      assert.ok(patience >= seconds('SPAREWATT_RELAY_DATABASE_WAIT_S') + 60);
      assert.ok(seconds('SPAREWATT_RELAY_DRAIN_S') >= readinessProbe.periodSeconds * readinessProbe.failureThreshold);
      const isTls = container.env.some((one) => one.name === 'SPAREWATT_RELAY_TLS' && one.value === 'true');
      for (const [probe, path] of [
        [startupProbe, '/healthz'],
        [livenessProbe, '/healthz'],
        [readinessProbe, '/readyz'],
      ] as const)
        assert.deepEqual(probe.httpGet, { path, port: 'http', scheme: isTls ? 'HTTPS' : 'HTTP' });
    });

    it('keeps the data of the image in one claim', () => {
      const [, folder] = /^VOLUME (.*)$/m.exec(buildFile('Dockerfile')) ?? [];
      const mounts = new Map(container.volumeMounts.map((mount) => [mount.mountPath, mount.name]));
      assert.equal(mounts.get(folder ?? ''), 'data');
      assert.ok(mounts.has('/tmp'));
      const claims = (spec.volumeClaimTemplates ?? []) as { metadata: { name: string } }[];
      const volumes = [...pod.spec.volumes.map((volume) => volume.name), ...claims.map((claim) => claim.metadata.name)];
      assert.deepEqual(volumes.sort(), [...mounts.values()].sort());
    });

    it('leads everything else to the ports of that pod', () => {
      const ports = container.ports.map(({ name: port }) => port);
      const service = manifests.get('Service') ?? assert.fail();
      const { selector, ports: served } = service.spec as {
        selector: Values;
        ports: { name: string; port: number; targetPort: string }[];
      };
      const chosen = [selector, (spec.selector as { matchLabels: Values }).matchLabels];
      for (const kind of ['NetworkPolicy', 'ServiceMonitor']) {
        const found = manifests.get(kind)?.spec as { selector?: Values; podSelector?: Values } | undefined;
        if (found !== undefined) chosen.push((found.selector ?? found.podSelector)?.matchLabels as Values);
      }
      assert.deepEqual({ ...pod.metadata.labels, ...selector }, pod.metadata.labels);
      // A version among them would keep a StatefulSet from ever being upgraded.
      const wanted = ['app.kubernetes.io/name', 'app.kubernetes.io/instance'];
      for (const labels of chosen) assert.deepEqual([Object.keys(labels), labels], [wanted, selector]);
      // A node that dialled the relay at its own port learns the other one.
      const own = new Map(container.ports.map(({ name: port, containerPort }) => [port, containerPort]));
      for (const { name: port, port: number, targetPort } of served)
        assert.deepEqual([number, targetPort], [own.get(port), port]);
      const named = [...JSON.stringify([...manifests.values()]).matchAll(/"port":(?:"|\{"name":")(\w+)"/g)];
      for (const [, port = ''] of named) assert.ok(ports.includes(port), port);
      assert.equal(spec.serviceName, service.metadata.name);
    });

    it('is in no mesh, whose sidecar would make strangers look like the machine of the relay', () => {
      assert.equal(pod.metadata.labels['sidecar.istio.io/inject'], 'false');
      assert.equal(pod.metadata.annotations['linkerd.io/inject'], 'disabled');
    });
  });
}

test('helm renders the chart as it did, and finds nothing wrong', { skip }, () => {
  for (const name of chartCases()) {
    const { status, text, said } = renderChart(['--values', valuesFileOf(name)]);
    assert.deepEqual([status, said], [0, ''], name);
    assert.deepEqual(manifestsOf(text), renderingOf(name));
  }
});

test('links for nodes name where the relay is reached', () => {
  const urlOf = (name: string) =>
    podOf(renderingOf(name)).container.env.find((one) => one.name === 'SPAREWATT_RELAY_PUBLIC_URL')?.value;
  assert.equal(urlOf('least'), 'http://attic-sparewatt.pool.svc:8484');
  assert.equal(urlOf('ingress'), 'https://relay.example');
  assert.equal(urlOf('tls'), 'https://relay.example:8484');
});

test('an Ingress leaves streams, WebSockets and large files alone, whatever else it is told', () => {
  const { annotations } = renderingOf('ingress').get('Ingress')?.metadata ?? assert.fail();
  const nginx = (name: string) => annotations?.[`nginx.ingress.kubernetes.io/${name}`];
  assert.deepEqual([nginx('proxy-buffering'), nginx('proxy-request-buffering')], ['off', 'off']);
  assert.equal(nginx('proxy-body-size'), '0');
  // A client may wait ten minutes for a node, and hears nothing meanwhile.
  for (const name of ['proxy-read-timeout', 'proxy-send-timeout']) assert.ok(Number(nginx(name)) > 600);
  assert.equal(annotations?.['cert-manager.io/cluster-issuer'], 'letsencrypt');
});

test('the chart knows every setting of the relay: as one of its own, from a Secret, by its name, or as none of a cluster', () => {
  const own = renderingOf('tls');
  const set = podOf(own).container.env.map(({ name }) => name);
  const { settings, secrets } = schema.properties;
  const named = Object.keys(settings?.properties ?? {});
  const secret = Object.keys(secrets?.properties ?? {});
  assert.deepEqual(secret.sort(), [...SECRETS].sort());
  const known = [...new Set(RELAY_SECTIONS.flatMap(rowsOf).map(({ setting }) => setting.env))];
  const others = [...set.filter((name) => !named.includes(name)), 'SPAREWATT_RELAY_DATABASE_WAIT_S'];
  assert.deepEqual([...named, ...secret, ...others, ...NOT_IN_A_CLUSTER].sort(), known.sort());
});

const WRONG: [what: string, values: Values, said: RegExp, by?: 'template'][] = [
  ['a value that is not there', { replicas: 2 }, /replicas/],
  ['a secret as a setting', { settings: { DATABASE_URL: 'postgres://me:secret@db/x' } }, /settings/],
  ['a setting that is the chart’s own', { settings: { SPAREWATT_RELAY_PORT: '80' } }, /settings/],
  ['a number as a setting, which YAML may write otherwise', { settings: { SPAREWATT_RELAY_FILE_MB: 1e6 } }, /FILE_MB/],
  ['a secret as it is', { secrets: { DATABASE_URL: 'postgres://me:secret@db/x' } }, /secrets/],
  ['a Secret without a key', { secrets: { DATABASE_URL: { name: 'my-database' } } }, /secrets/],
  ['a time that is none', { drainS: '10s' }, /drainS/],
  ['a longer drain than the relay knows', { drainS: 3601 }, /drainS/],
  ['a volume that several machines write to', { volume: { accessMode: 'ReadWriteMany' } }, /accessMode/],
  ['a size without its unit', { volume: { size: '20' } }, /size/],
  ['a name that is none', { ingress: { tlsSecret: 'My Secret' } }, /tlsSecret/],
  ['an address that is none', { publicUrl: 'relay.example' }, /publicUrl/],
  ['a digest that is cut off', { image: { digest: 'sha256:abc' } }, /digest/],
  ['an image that nobody has named', { image: { repository: '' } }, /no image is published: build one/, 'template'],
  ['an Ingress without a host', { ingress: { enabled: true } }, /ingress\.host is empty/, 'template'],
  [
    'TLS of both relay and Ingress',
    { tls: true, ingress: { enabled: true, host: 'relay.example' } },
    /an Ingress ends TLS itself/,
    'template',
  ],
  ['an address that TLS does not serve', { tls: true, publicUrl: 'http://relay.example' }, /it is https/, 'template'],
  ['a monitor without a token', { serviceMonitor: { enabled: true } }, /token\.name is empty/, 'template'],
];

test('the schema takes the values of the chart and of every rendering, and refuses wrong ones', () => {
  const compiled = Compile(JSON.parse(schemaText));
  const usual = chartFile('values.yaml');
  const isTaken = (values: unknown): boolean => compiled.Check(laidOver(usual, values));
  for (const file of [
    'values.yaml',
    ...chartCases().map((name) => join('..', '..', 'test/build/chart', `${name}.values.yaml`)),
  ])
    assert.ok(isTaken(chartFile(file)), file);
  for (const [what, values, , by] of WRONG) assert.equal(isTaken(values), by === 'template', what);
});

test('helm refuses wrong values with what is wrong, and repeats no secret', { skip }, (t) => {
  const file = join(temporaryFolder(t), 'values.yaml');
  for (const [what, values, said] of WRONG) {
    writeFileSync(file, stringify(values));
    const refused = renderChart(['--values', valuesFileOf('least'), '--values', file]);
    assert.notEqual(refused.status, 0, what);
    assert.match(refused.said, said);
    assert.doesNotMatch(refused.said, /me:secret/);
  }
});

test('helm takes a release of the longest name, and calls one that is named after the chart just so', { skip }, () => {
  const nameOf = (release: string): string => {
    const { text } = renderChart(['--values', valuesFileOf('least')], { release });
    return manifestsOf(text).get('StatefulSet')?.metadata.name ?? '';
  };
  assert.equal(nameOf('sparewatt'), 'sparewatt');
  const longest = nameOf(`${'a'.repeat(51)}-a`);
  assert.ok(longest.length <= 52 && !longest.endsWith('-'), longest);
});

test('the notes tell how to get keys, where the relay is, and what is open', { skip }, (t) => {
  const copy = join(temporaryFolder(t), 'chart');
  cpSync(CHART, copy, { recursive: true });
  cpSync(join(CHART, 'templates', 'NOTES.txt'), join(copy, 'notes.txt'));
  // helm shows notes of what it installs alone, and for that there is no cluster here.
  writeFileSync(
    join(copy, 'templates', 'notes.yaml'),
    'kind: Notes\nspec: {{ tpl (.Files.Get "notes.txt") . | toJson }}\n',
  );
  const notesOf = (name: string): string => {
    const { text } = renderChart(['--values', valuesFileOf(name)], { chart: copy });
    return String(manifestsOf(text).get('Notes')?.spec);
  };
  const least = notesOf('least');
  const exec = `kubectl --namespace pool exec ${RELEASE}-sparewatt-0 -- node relay/cli/bin.mjs`;
  for (const command of ['keys create NAME', 'pair']) assert.ok(least.includes(`${exec} ${command}\n`), least);
  assert.match(least, /Only this cluster reaches it\./);
  assert.match(least, /It speaks plain HTTP/);
  assert.match(notesOf('ingress'), /console at https:\/\/relay\.example\/console and the Secret sparewatt-admin:/);
  for (const name of ['ingress', 'tls']) assert.doesNotMatch(notesOf(name), /Only this cluster|plain HTTP/);
});
