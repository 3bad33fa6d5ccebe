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
