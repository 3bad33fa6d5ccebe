import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { buildPages, PAGES } from '../../build/build-pages.ts';
import { licensedAt } from '../../build/licence-texts.ts';
import { UNUSED_PACKAGES } from '../../build/without-packages.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

function writeTo(folder: string, files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
}

/** A page that takes from one package, its worker from another, its style from a third; a fourth is installed and unused. */
function pageOf(folder: string) {
  const packageOf = (name: string, code: string) => ({
    [`node_modules/${name}/package.json`]: JSON.stringify({ name, version: '1.2.3', license: 'MIT', type: 'module' }),
    [`node_modules/${name}/LICENSE`]: `the text of ${name}`,
    [`node_modules/${name}/esm/package.json`]: '{ "type": "module" }',
    [`node_modules/${name}/esm/index.js`]: code,
  });
  writeTo(join(folder, 'sources'), {
    'hello/index.html': '<!doctype html><title>a</title><script type="module" src="./main.ts"></script>',
    'hello/main.ts': [
      "import { a } from '../node_modules/in-page/esm/index.js';",
      'document.title = a();',
      "new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' });",
      "document.title += new URL('../node_modules/in-asset/esm/data.bin', import.meta.url);",
    ].join('\n'),
    'hello/worker.ts': "import { a } from '../node_modules/in-worker/esm/index.js'; postMessage(a());",
    ...packageOf('in-page', 'export const a = () => location.href;'),
    ...packageOf('in-worker', 'export const a = () => location.href;'),
    ...packageOf('in-asset', ''),
    'node_modules/in-asset/esm/data.bin': 'data',
    ...packageOf('unused', ''),
  });
  return { sources: join(folder, 'sources'), output: join(folder, 'pages') };
}

test('the licences of all that is bundled lie beside the pages, with their texts, and of nothing else', async (t) => {
  const pages = pageOf(temporaryFolder(t));
  await buildPages(pages);
  const text = readFileSync(join(pages.output, 'licences.txt'), 'utf8');
  for (const name of ['in-page', 'in-worker', 'in-asset']) {
    assert.ok(text.includes(`\n${name} 1.2.3 (MIT)\n`), text);
    assert.ok(text.includes(`the text of ${name}`), text);
  }
  assert.doesNotMatch(text, /unused/);
});

test('pages are not built with a package whose licence has no text', async (t) => {
  const pages = pageOf(temporaryFolder(t));
  rmSync(join(pages.sources, 'node_modules', 'in-worker', 'LICENSE'));
  await assert.rejects(buildPages(pages), /package in-worker has no licence text.*build\/licences/s);
});

test('what comes without its text, or holds the work of others compiled, has the texts that were added for it', () => {
  const textOf = (name: string): string => {
    const found = licensedAt(join(PAGES.sources, '..', 'node_modules', name, 'package.json'));
    return found?.texts.join('\n') ?? '';
  };
  assert.match(
    textOf('mpg123-decoder'),
    /Ethan Halsall.*Michael Hipp.*GNU LESSER GENERAL PUBLIC LICENSE\s+Version 2\.1/s,
  );
  assert.match(textOf('codec-parser'), /GNU LESSER GENERAL PUBLIC LICENSE.*GNU GENERAL PUBLIC LICENSE\s+Version 3/s);
  assert.match(textOf('opus-decoder'), /Ethan Halsall.*Skype Limited/s);
  assert.match(textOf('onnxruntime-web'), /Microsoft Corporation.*THIRD PARTY SOFTWARE NOTICES.*protobuf/s);
  assert.match(
    textOf('@huggingface/transformers'),
    /Apache License.*@huggingface\/jinja, copied into it.*MIT License/s,
  );
});

test('the built pages name what they hold of others, to the decoders in their workers', () => {
  const text = readFileSync(join(PAGES.output, 'licences.txt'), 'utf8');
  for (const name of [
    'react',
    'onnxruntime-web',
    '@huggingface/transformers',
    'codec-parser',
    'mpg123-decoder',
    'nats.ws',
  ]) {
    assert.match(text, new RegExp(`^${name} \\d+\\.\\d+\\.\\d+`, 'm'));
  }
  for (const name of UNUSED_PACKAGES) assert.ok(!text.includes(name), `${name} is in the pages`);
});
