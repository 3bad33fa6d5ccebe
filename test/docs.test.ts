import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { ROOT } from './support/command.ts';

const DOCUMENTS = globSync(['*.md', 'docs/**/*.md', 'shared/**/*.md', 'build/**/*.md', 'test/**/*.md'], {
  cwd: ROOT,
}).filter((file) => !file.includes('node_modules'));

/** Targets of inline links, without those inside of code. */
function linksOf(text: string): string[] {
  const prose = text.replace(/^```[\s\S]*?^```/gm, '').replace(/`[^`\n]*`/g, '');
  return [...prose.matchAll(/\[[^\]]*\]\(([^)\s]+)\)/g)].map(([, target]) => target ?? '');
}

/** The fragments by which a page's headings are reached, as GitHub makes them. */
function fragmentsOf(text: string): Set<string> {
  const headings = [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading]) => heading ?? '');
  return new Set(
    headings.map((heading) =>
      heading
        .toLowerCase()
        .replace(/[^\p{L}\p{N} -]/gu, '')
        .replaceAll(' ', '-'),
    ),
  );
}

for (const document of DOCUMENTS) {
  test(`every link of ${document} leads somewhere in this repository or beyond it`, () => {
    for (const link of linksOf(readFileSync(join(ROOT, document), 'utf8'))) {
      if (/^(https?|mailto):/.test(link)) continue;
      const [path = '', fragment] = link.split('#');
      const file = path === '' ? join(ROOT, document) : join(ROOT, dirname(document), path);
      assert.ok(existsSync(file), link);
      if (fragment !== undefined) assert.ok(fragmentsOf(readFileSync(file, 'utf8')).has(fragment), link);
    }
  });
}

test('every source file that a document names is there', () => {
  const pattern = '{build,docs,main,relay,renderer,shared,test}/**/*.{ts,tsx,mjs,css,py}';
  const sources = globSync(pattern, { cwd: ROOT }).map((file) => `/${file.replaceAll('\\', '/')}`);
  const missing = DOCUMENTS.filter((document) => document !== 'CHANGELOG.md').flatMap((document) => {
    const prose = readFileSync(join(ROOT, document), 'utf8').replace(/^```[\s\S]*?^```/gm, '');
    const named = [...prose.matchAll(/`(?:\.\.?\/)*([\w./-]+\.(?:ts|tsx|mjs|css|py))`/g)].map(([, name = '']) => name);
    return named.filter((name) => !sources.some((file) => file.endsWith(`/${name}`))).map((name) => [document, name]);
  });
  assert.deepEqual(missing, []);
});

test('every decision stands once, in the file that the table of ARCHITECTURE.md names for it', () => {
  const table = readFileSync(join(ROOT, 'ARCHITECTURE.md'), 'utf8');
  const rows = [...table.matchAll(/^\| \[[^\]]*\]\((docs\/decisions\/[^)]+)\) \| (.*) \|$/gm)];
  const named = rows.map(([, file = '', numbers = '']) => [file, numbers] as const);
  const written = globSync('docs/decisions/*.md', { cwd: ROOT }).map((file) => {
    const decisions = readFileSync(join(ROOT, file), 'utf8').matchAll(/^- \*\*(\d+)\. /gm);
    return [file, [...decisions].map(([, number]) => number).join(', ')] as const;
  });
  assert.deepEqual(new Map(named), new Map(written));
  const numbers = written.flatMap(([, list]) => list.split(', ').map(Number));
  assert.equal(new Set(numbers).size, numbers.length, 'a number was given twice');
  assert.ok(Number(/The next is (\d+)/.exec(table)?.[1]) > Math.max(...numbers));
});

test('the decisions that sources and documents name are there', () => {
  const numbers = new Set(
    globSync('docs/decisions/*.md', { cwd: ROOT }).flatMap((file) =>
      [...readFileSync(join(ROOT, file), 'utf8').matchAll(/^- \*\*(\d+)\. /gm)].map(([, number]) => number),
    ),
  );
  const sources = globSync('{build,docs,main,relay,renderer,shared,test}/**/*.{ts,tsx,md,mjs}', { cwd: ROOT });
  for (const file of [...sources, 'ARCHITECTURE.md', 'CONTRIBUTING.md']) {
    for (const [, number] of readFileSync(join(ROOT, file), 'utf8').matchAll(/\bdecision (\d+)\b/g))
      assert.ok(numbers.has(number), `${file} names decision ${number}`);
  }
});
