import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { arePagesFresh, buildPages } from '../../build/build-pages.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const HTML = '<!doctype html><title>a</title><script type="module" src="./main.ts"></script>';

function pagesIn(folder: string) {
  const sources = join(folder, 'sources');
  mkdirSync(join(sources, 'hello'), { recursive: true });
  writeFileSync(join(sources, 'hello', 'index.html'), HTML);
  writeFileSync(join(sources, 'hello', 'main.ts'), "document.title = 'hello' as string;");
  return { sources, output: join(folder, 'pages') };
}

const LATER = new Date(Date.now() + 60_000);

test('builds a page whose parts have names of their content and lie there compressed, and no inlined script', async (t) => {
  const folder = temporaryFolder(t);
  const pages = pagesIn(folder);
  await buildPages(pages);
  const html = readFileSync(join(pages.output, 'hello', 'index.html'), 'utf8');
  const [, asset = ''] = /src="\.\.\/assets\/([^"]+)"/.exec(html) ?? [];
  assert.match(asset, /^\w+-[\w-]{8}\.js$/);
  assert.doesNotMatch(html, /<script[^>]*>[^<]/);
  assert.deepEqual(readdirSync(join(pages.output, 'assets')).sort(), [asset, `${asset}.gz`]);
  assert.deepEqual(readdirSync(folder).sort(), ['pages', 'sources']);
});

test('pages are fresh until one of their sources is newer, and a build that fails leaves the old ones', async (t) => {
  const pages = pagesIn(temporaryFolder(t));
  assert.equal(arePagesFresh(pages), false);
  await buildPages(pages);
  assert.equal(arePagesFresh(pages), true);
  const madeOf = temporaryFolder(t);
  writeFileSync(join(madeOf, 'new.ts'), '');
  utimesSync(join(madeOf, 'new.ts'), LATER, LATER);
  assert.equal(arePagesFresh({ ...pages, madeOf: [madeOf] }), false);
  const main = join(pages.sources, 'hello', 'main.ts');
  writeFileSync(main, 'this is no source');
  utimesSync(main, LATER, LATER);
  assert.equal(arePagesFresh(pages), false);
  await assert.rejects(buildPages(pages));
  assert.match(readFileSync(join(pages.output, 'hello', 'index.html'), 'utf8'), /assets/);
});
