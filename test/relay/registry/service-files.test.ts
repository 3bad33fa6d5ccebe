import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { readServiceFiles } from '../../../relay/registry/service-files.ts';
import { Problem } from '../../../shared/problems/problem.ts';
import { withEachNoFile } from '../../support/no-files.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const HAIKU = {
  id: 'house/haiku',
  category: 'development',
  title: 'Haiku',
  description: 'Says it in a haiku.',
  input: { type: 'object', required: ['code'], properties: { code: { type: 'string' } } },
  runtime: { type: 'llm', prompt: { user: 'A haiku about {code}' } },
  examples: [{ input: { code: 'n => n * 2' } }],
};

const TOML = `
[[services]]
id = "house/rhyme"
category = "gaming"
title = "Rhyme"
description = "Finds a rhyme."
price_unit = "token"
runtime = { type = "llm", prompt = { user = "What rhymes with {word}?" } }
examples = [{ input = { word = "node" } }]

[services.input]
type = "object"
required = ["word"]
properties = { word = { type = "string", maxLength = 64 } }
`;

function folderWith(t: TestContext, files: Record<string, unknown>): string {
  const folder = temporaryFolder(t);
  for (const [name, content] of Object.entries(files)) {
    writeFileSync(join(folder, name), typeof content === 'string' ? content : JSON.stringify(content));
  }
  return folder;
}

function assertRefused(path: string, sentence: RegExp): void {
  assert.throws(
    () => readServiceFiles(path),
    (error: unknown) => {
      assert.ok(error instanceof Problem && error.code === 'invalid_setting', String(error));
      assert.match(error.message, sentence);
      return true;
    },
  );
}

test('reads JSON and TOML of a folder, one service or several to a file, and leaves the rest alone', (t) => {
  const folder = folderWith(t, { 'a.json': HAIKU, 'b.toml': TOML, 'README.md': 'words', 'c.json.bak': '{' });
  mkdirSync(join(folder, 'empty'));
  const found = readServiceFiles(folder);
  assert.deepEqual(
    found.map(({ definition, file }) => [definition.id, file]),
    [
      ['house/haiku', join(folder, 'a.json')],
      ['house/rhyme', join(folder, 'b.toml')],
    ],
  );
  assert.equal(readServiceFiles(join(folder, 'b.toml')).length, 1);
  assert.deepEqual(readServiceFiles(join(folder, 'empty')), []);
});

test('a file that is wrong is named with the place in it', (t) => {
  const folder = folderWith(t, {
    'json.json': '{\n  "id": "a/b",\n  oops\n}',
    'toml.toml': 'id = "a/b"\ntitle = \n',
    'member.json': { services: [HAIKU, { ...HAIKU, id: 'house/other', titel: 'x' }] },
    'list.json': { services: 5 },
    'beside.json': { services: [HAIKU], title: 'x' },
    'example.json': { ...HAIKU, examples: [{ input: {} }] },
    'text.json': '"text"',
  });
  assertRefused(join(folder, 'json.json'), /json\.json:3:3: this is not JSON\.$/);
  assertRefused(join(folder, 'toml.toml'), /toml\.toml:2:\d+: this is not TOML: /);
  assertRefused(join(folder, 'member.json'), /member\.json, services\.1: 'titel' is not known here/);
  assertRefused(join(folder, 'list.json'), /list\.json: services must be a list\.$/);
  assertRefused(join(folder, 'beside.json'), /beside\.json: title stands beside the list/);
  assertRefused(join(folder, 'example.json'), /example\.json: examples\.0\.input does not fit: Missing .*'code'/);
  assertRefused(join(folder, 'text.json'), /text\.json: /);
  assertRefused(join(folder, 'none.json'), /cannot be read: ENOENT/);
});

test('two files with one id are told apart by name', (t) => {
  const folder = folderWith(t, { 'a.json': HAIKU, 'b.json': HAIKU });
  assertRefused(folder, /b\.json: the service house\/haiku is defined in .*a\.json already\.$/);
});

test('the example in docs is a service', (t) => {
  const page = readFileSync(new URL('../../../docs/services.md', import.meta.url), 'utf8');
  const [, example = assert.fail('no example')] = /```toml\n(id = [\s\S]*?)```/.exec(page) ?? [];
  const [service] = readServiceFiles(folderWith(t, { 'readme.toml': example }));
  assert.equal(service?.definition.id, 'house/rhyme');
});

test('a file that an editor of Windows has saved is read, and what is not UTF-8 is said to be that', (t) => {
  const folder = folderWith(t, { 'a.toml': `\ufeff${TOML.replaceAll('\n', '\r\n')}` });
  assert.equal(readServiceFiles(folder).length, 1);
  writeFileSync(join(folder, 'a.toml'), Buffer.from(`\ufeff${TOML}`, 'utf16le'));
  assertRefused(folder, /a\.toml: it is not UTF-8.* Save it as UTF-8\.$/);
});

test('what is no file among the services of a folder is named, and holds up nothing', async (t) => {
  const folder = folderWith(t, { 'a.toml': TOML });
  await withEachNoFile(join(folder, 'b.json'), (kind) => {
    assertRefused(folder, new RegExp(`b\\.json: it is a ${kind}\\. Move it away\\.$`));
  });
  assert.equal(readServiceFiles(folder).length, 1);
});
