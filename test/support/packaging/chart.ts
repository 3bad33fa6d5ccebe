import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parse, parseAllDocuments } from 'yaml';
import { ROOT } from '../command.ts';

export const CHART = join(ROOT, 'build', 'chart');
const CASES = join(ROOT, 'test', 'build', 'chart');
/** A helm that was built from its sources takes the cluster for one of an ancient version. */
const KUBERNETES = '1.34.0';
export const RELEASE = 'attic';
const NAMESPACE = 'pool';

export type Manifest = {
  apiVersion: string;
  kind: string;
  metadata: { name: string; labels: Record<string, string>; annotations?: Record<string, string> };
  spec: Record<string, unknown>;
};

/** Why the chart cannot be rendered here; undefined where it can. */
export function whyNoHelm(): string | undefined {
  if (spawnSync(helmProgram(), ['version']).status === 0) return undefined;
  return 'NOT TESTED HERE: no helm (name it in SPAREWATT_TEST_HELM; go install helm.sh/helm/v3/cmd/helm@v3.22.0 makes one)';
}

function helmProgram(): string {
  return process.env.SPAREWATT_TEST_HELM ?? 'helm';
}

/** Values with which the chart is rendered in the tests, by what they are for. */
export function chartCases(): string[] {
  return globSync('*.values.yaml', { cwd: CASES })
    .map((file) => basename(file, '.values.yaml'))
    .sort();
}

export function valuesFileOf(name: string): string {
  return join(CASES, `${name}.values.yaml`);
}

export function renderedFileOf(name: string): string {
  return join(CASES, `${name}.rendered.yaml`);
}

/** What helm makes of the chart, or says against it. */
export function renderChart(
  args: string[],
  { chart = CHART, release = RELEASE } = {},
): { status: number | null; text: string; said: string } {
  const all = ['template', release, chart, '--namespace', NAMESPACE, '--kube-version', KUBERNETES, ...args];
  const { status, stdout, stderr } = spawnSync(helmProgram(), all, { encoding: 'utf8' });
  return { status, text: stdout, said: stderr };
}

/** Of the chart and the values that a rendering was made of: it tells a rendering that has become stale, also without helm. */
export function digestOf(name: string): string {
  const hash = createHash('sha256');
  const files = globSync('**/*', { cwd: CHART, withFileTypes: true }).filter((entry) => entry.isFile());
  const paths = files.map((entry) => join(entry.parentPath, entry.name)).sort();
  for (const path of [...paths, valuesFileOf(name)]) hash.update(readFileSync(path)).update('\0');
  return hash.digest('hex');
}

/** By kind; there is one of each at most. Throws for what is no YAML, or twice there. */
export function manifestsOf(text: string): Map<string, Manifest> {
  const documents = parseAllDocuments(text, { strict: true, uniqueKeys: true });
  if (!Array.isArray(documents)) return new Map();
  const found = new Map<string, Manifest>();
  for (const document of documents) {
    const [fault] = document.errors;
    if (fault !== undefined) throw fault;
    const manifest = document.toJS() as Manifest | null;
    if (manifest === null) continue;
    if (found.has(manifest.kind)) throw new Error(`there are two of ${manifest.kind}`);
    found.set(manifest.kind, manifest);
  }
  return found;
}

export function chartFile(name: string): Record<string, unknown> {
  return parse(readFileSync(join(CHART, name), 'utf8'), { strict: true, uniqueKeys: true }) as Record<string, unknown>;
}

type Container = {
  image: string;
  env: { name: string; value?: string; valueFrom?: { secretKeyRef: { name: string; key: string } } }[];
  ports: { name: string; containerPort: number }[];
  securityContext: Record<string, unknown>;
  volumeMounts: { name: string; mountPath: string; readOnly?: boolean }[];
  resources: { requests?: Record<string, string>; limits?: Record<string, string> };
} & Record<'startupProbe' | 'livenessProbe' | 'readinessProbe', Probe>;

export type Probe = {
  httpGet: { path: string; port: string; scheme: string };
  periodSeconds: number;
  timeoutSeconds: number;
  failureThreshold: number;
};

export type Pod = {
  metadata: { labels: Record<string, string>; annotations: Record<string, string> };
  spec: {
    automountServiceAccountToken: boolean;
    enableServiceLinks: boolean;
    terminationGracePeriodSeconds: number;
    securityContext: Record<string, unknown>;
    imagePullSecrets?: { name: string }[];
    containers: Container[];
    volumes: { name: string; [kind: string]: unknown }[];
    [member: string]: unknown;
  };
};

/** The relay's pod in a rendering, and its one container. */
export function podOf(manifests: Map<string, Manifest>): { pod: Pod; container: Container } {
  const pod = manifests.get('StatefulSet')?.spec.template as Pod | undefined;
  const container = pod?.spec.containers[0];
  if (pod === undefined || container === undefined || pod.spec.containers.length > 1) throw new Error('no pod of one');
  return { pod, container };
}
