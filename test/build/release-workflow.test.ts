/** The workflow that makes releases, read as a machine would: nobody sees it run before the first release. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import { OUTPUT } from '../../build/desktop/builder-config.ts';
import { feedOf, UPDATED } from '../../build/desktop/checksums.ts';
import type { Target } from '../../build/desktop/native-packages.ts';
import { ROOT } from '../support/command.ts';

type Step = {
  uses?: string;
  run?: string;
  with?: Record<string, string | number | boolean>;
  env?: Record<string, string>;
};
type Row = Target & { os: string; formats: string };
type Job = {
  strategy: { matrix: { include: Row[] } };
  'runs-on': string;
  'timeout-minutes': number;
  steps: Step[];
  [member: string]: unknown;
};
type Workflow = {
  on: unknown;
  permissions: Record<string, string>;
  jobs: Record<string, Job>;
};

const text = readFileSync(join(ROOT, '.github', 'workflows', 'desktop-release.yml'), 'utf8');
/** Throws for a key that is there twice. */
const workflow = parse(text, { strict: true, uniqueKeys: true }) as Workflow;
const job = workflow.jobs.package ?? assert.fail('there is no job named package');
const rows = job.strategy.matrix.include;
const scripts = (JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { scripts: Record<string, string> })
  .scripts;

test('a release is made of a tag alone, and may read this repository and nothing else', () => {
  assert.deepEqual(workflow.on, { push: { tags: ['v*'] } });
  assert.deepEqual(workflow.permissions, { contents: 'read' });
  for (const each of Object.values(workflow.jobs)) assert.ok(!('permissions' in each), 'no job asks for more');
  const checkout = job.steps.find(({ uses }) => uses?.startsWith('actions/checkout@'));
  assert.equal(checkout?.with?.['persist-credentials'], false, 'what is installed finds no credential');
  assert.ok(job['timeout-minutes'] <= 60);
});

test('every action is the one that was looked at, by its commit, with its version beside it', () => {
  const uses = job.steps.flatMap((step) => step.uses ?? []);
  assert.deepEqual(uses.map((name) => name.split('@')[0]).sort(), [
    'actions/checkout',
    'actions/setup-node',
    'actions/upload-artifact',
  ]);
  for (const name of uses) {
    assert.match(name, /^[\w-]+\/[\w-]+@[0-9a-f]{40}$/);
    assert.match(text, new RegExp(`${name} # v\\d+\\.\\d+\\.\\d+\\n`));
  }
});

test('each step calls a script that is there, and names nothing that the matrix does not have', () => {
  for (const { run = '' } of job.steps) {
    const [, script] = /^npm run ([\w-]+)/.exec(run) ?? [];
    if (script !== undefined) assert.ok(script in scripts, run);
    else
      assert.ok(['', 'npm ci', 'npm test'].includes(run), `${run}: what releases need is a script that tests run too`);
  }
  const known = new Set([...Object.keys(rows[0] ?? {}).map((key) => `matrix.${key}`), 'github.ref']);
  const named = [...text.matchAll(/\$\{\{\s*([^}]+?)\s*\}\}/g)].map(([, name = '']) => name);
  assert.deepEqual(
    named.filter((name) => !known.has(name) && !/^secrets\.[A-Z_]+$/.test(name)),
    [],
  );
  // What a branch, a title or a person can say must not become a part of a command.
  for (const { run = '' } of job.steps) assert.doesNotMatch(run, /\$\{\{\s*(github|secrets)\./);
});

test('what is released was tested before it was packaged, and is checked after it, for its own target', () => {
  const runs = job.steps.flatMap(({ run }) => run ?? []);
  const at = (start: string): number => runs.findIndex((run) => run.startsWith(start));
  assert.deepEqual(
    ['npm ci', 'npm run check', 'npm test', 'npm run package', 'npm run check-package'].map(at),
    [0, 1, 2, 3, 4],
  );
  // biome-ignore lint/suspicious/noTemplateCurlyInString: GitHub fills it in.
  assert.ok(runs[4]?.endsWith('-- ${{ matrix.platform }} ${{ matrix.arch }}'));
});

test('secrets are given to the step that signs, and to no other', () => {
  const withSecrets = job.steps.filter((step) => JSON.stringify(step).includes('secrets.'));
  assert.deepEqual(
    withSecrets.map(({ run }) => run?.split(' -- ')[0]),
    ['npm run package'],
  );
});

test('three systems are packaged for both processors, each on a machine of its own system, in the formats of the app', () => {
  const runners: Readonly<Record<Target['platform'], RegExp>> = {
    linux: /^ubuntu-[\d.]+(-arm)?$/,
    win32: /^windows-\d+$/,
    darwin: /^macos-\d+$/,
  };
  const formats: Readonly<Record<Target['platform'], string>> = {
    linux: 'AppImage deb rpm',
    win32: 'nsis',
    darwin: 'dmg zip',
  };
  assert.deepEqual(
    rows.map(({ platform, arch }) => `${platform} ${arch}`).sort(),
    ['darwin', 'linux', 'win32'].flatMap((platform) => ['arm64', 'x64'].map((arch) => `${platform} ${arch}`)),
  );
  for (const { os, platform, formats: asked } of rows) {
    assert.match(os, runners[platform], 'no runner is named "latest"');
    assert.equal(asked, formats[platform]);
    assert.ok(
      asked.split(' ').some((format) => UPDATED[platform].includes(format)),
      'a running app finds its update',
    );
  }
  assert.match(job['runs-on'], /^\$\{\{ matrix\.os \}\}$/);
});

test('what is uploaded is what the packaging command writes', () => {
  const upload = job.steps.find(({ uses }) => uses?.startsWith('actions/upload-artifact@'));
  const paths = String(upload?.with?.path).trim().split('\n');
  const folder = OUTPUT.slice(ROOT.length).replace(/^\//, '');
  assert.deepEqual(
    paths,
    ['sparewatt-*', 'SHA256SUMS-*', 'latest*.yml'].map((name) => `${folder}/${name}`),
  );
  for (const row of rows) assert.match(feedOf(row), /^latest.*\.yml$/);
  assert.equal(upload?.with?.['if-no-files-found'], 'error');
});
