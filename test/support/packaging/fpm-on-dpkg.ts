#!/usr/bin/env node
/**
 * As much of fpm as electron-builder uses for a deb, on Debian's own dpkg-deb, for machines that cannot fetch its bundle.
 * Releases use the real one.
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const WITHOUT_VALUE = new Set(['--force']);
const SCRIPTS = { 'after-install': 'postinst', 'after-remove': 'postrm' } as const;

type Asked = { options: Map<string, string>; depends: string[]; files: [source: string, target: string][] };

const { options, depends, files } = readArguments(process.argv.slice(2));
const option = (name: string): string => options.get(name) ?? '';
if (option('t') !== 'deb') {
  console.error(`This makes a deb and no ${option('t')}.`);
  process.exit(2);
}
const root = mkdtempSync(join(tmpdir(), 'sparewatt-deb-'));
try {
  chmodSync(root, 0o755);
  for (const [source, target] of files) copy(source, join(root, target));
  writeControl(join(root, 'DEBIAN'));
  // Whatever compression is asked for: this deb is looked at, not sent to anybody.
  execFileSync('dpkg-deb', ['--root-owner-group', '-Zgzip', '-z1', '--build', root, option('package')], {
    stdio: 'inherit',
  });
} finally {
  rmSync(root, { recursive: true, force: true });
}

function readArguments(argv: string[]): Asked {
  const asked: Asked = { options: new Map(), depends: [], files: [] };
  for (let at = 0; at < argv.length; at++) {
    const word = argv[at] ?? '';
    if (WITHOUT_VALUE.has(word)) continue;
    if (!word.startsWith('-')) {
      const cut = word.indexOf('=');
      asked.files.push([word.slice(0, cut), word.slice(cut + 1)]);
      continue;
    }
    at += 1;
    const value = argv[at] ?? '';
    if (word === '-d' || word === '--depends') asked.depends.push(value);
    else asked.options.set(word.replace(/^-+/, ''), value);
  }
  return asked;
}

function copy(source: string, target: string): void {
  mkdirSync(statSync(source).isDirectory() ? target : dirname(target), { recursive: true });
  cpSync(source, target, { recursive: true });
}

function writeControl(folder: string): void {
  mkdirSync(folder);
  const fields = [
    `Package: ${option('name')}`,
    `Version: ${option('version')}`,
    `Architecture: ${option('architecture')}`,
    `Maintainer: ${option('maintainer')}`,
    ...(depends.length === 0 ? [] : [`Depends: ${depends.join(', ')}`]),
    'Section: default',
    'Priority: optional',
    `Homepage: ${option('url')}`,
    `Description: ${option('description')}`,
  ];
  writeFileSync(join(folder, 'control'), `${fields.join('\n')}\n`);
  for (const [name, file] of Object.entries(SCRIPTS)) {
    const script = option(name);
    if (script !== '') writeFileSync(join(folder, file), readFileSync(script), { mode: 0o755 });
  }
}
