import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Command } from 'commander';
import { COMMANDS } from '../relay/cli/commands/all.ts';
import { EXIT } from '../relay/cli/exit-codes.ts';
import { createRelayMetrics } from '../relay/metrics/relay-metrics.ts';
import { ROOT, runSparewatt } from './support/command.ts';

const FILES = ['*.md', 'docs/*.md', 'build/*.{yaml,service}', 'build/chart/**/*.{yaml,txt}', '.env.example'];
const DOCUMENTS = globSync(FILES, { cwd: ROOT }).filter((file) => file !== 'CHANGELOG.md');
/** What an operator reads; the rest of what a process of Node tells is told alike by every program. */
const METRICS_OF_NODE = /^(process|nodejs)_/;

const program = new Command('sparewatt');
for (const [name, , load] of COMMANDS) (await load())(program.command(name));

type Call = { file: string; text: string; words: string[] };

/** Each `sparewatt …` of a document: what a reader would type, up to the end of the line, a comment or the code. */
function callsOf(file: string): Call[] {
  const text = readFileSync(join(ROOT, file), 'utf8').replaceAll(/\\\n\s*/g, ' ');
  const starts = /(?:`|^|npx |\$ )(?:sparewatt|node \S*relay\/cli\/bin\.mjs) ([a-z-][^`\n]*)/gm;
  return [...text.matchAll(starts)].map(([, rest = '']) => {
    const typed = rest
      .replace(/\s#.*$/, '')
      .replaceAll(/"[^"]*"|'[^']*'/g, 'QUOTED')
      .replace(/\s[|>;&)].*$/, '');
    return { file, text: rest, words: typed.trim().split(/\s+/) };
  });
}

/** The command that the words lead to, with what is left of them. */
function follow(words: string[], from: Command = program): { command: Command; rest: string[] } {
  const [first, ...rest] = words;
  const part = from.commands.find((command) => command.name() === first || command.aliases().includes(first ?? ''));
  return part === undefined ? { command: from, rest: words } : follow(rest, part);
}

function leavesOf(command: Command, path: string[] = []): string[] {
  const own = command.commands.length === 0 ? [path.join(' ')] : [];
  return [...own, ...command.commands.flatMap((part) => leavesOf(part, [...path, part.name()]))];
}

test('every command that a document names is there, and so are its flags', () => {
  const wrong: string[] = [];
  for (const file of DOCUMENTS) {
    for (const { text, words } of callsOf(file)) {
      const { command, rest } = follow(words);
      const flags = rest.filter((word) => word.startsWith('--')).map((word) => word.replace(/[=,.:].*$/, ''));
      const known = ['--help', '--version', ...command.options.map(({ long }) => long)];
      const isNoCommand = command === program && !['help', ...known].includes(words[0] ?? '');
      if (isNoCommand || flags.some((flag) => !known.includes(flag))) wrong.push(`${file}: sparewatt ${text}`);
    }
  }
  assert.deepEqual(wrong, []);
});

/** One line may name several: "`sparewatt nodes list`, also drain, cordon". */
function isNamed(path: string, lines: string[]): boolean {
  const words = path.split(' ');
  return lines.some((line) => words.every((word) => new RegExp(`(?<![\\w-])${word}(?![\\w-])`).test(line)));
}

test('a reader of the documents meets every command', () => {
  const lines = DOCUMENTS.flatMap((file) => readFileSync(join(ROOT, file), 'utf8').split('\n'));
  const ofCommands = lines.filter((line) => /sparewatt|bin\.mjs/.test(line));
  assert.deepEqual(
    leavesOf(program).filter((path) => !isNamed(path, ofCommands)),
    [],
  );
});

test('docs/operating.md names every metric that the relay tells of itself, and no other', async () => {
  const none = { used: 0, free: 0 };
  const metrics = createRelayMetrics({
    jobs: () => ({}) as never,
    nodes: () => ({ by_status: {}, slots: none }) as never,
    staleFrames: () => 0,
    droppedDocuments: () => ({}),
    busConnected: () => true,
  });
  const told = [...(await metrics.text()).matchAll(/^# TYPE (\S+)/gm)].map(([, name = '']) => name);
  const own = told.filter((name) => !METRICS_OF_NODE.test(name));
  const text = readFileSync(join(ROOT, 'docs/operating.md'), 'utf8');
  const named = [...text.matchAll(/^\| `((?:gen_ai|sparewatt)_\w+)/gm)].map(([, name]) => name);
  assert.deepEqual(named.sort(), own.sort());
});

test('the help lists every exit code', async () => {
  const { stdout } = await runSparewatt(['--help']);
  const [, listed = ''] = /Exit codes:\n((?: {2}.*\n)+)/.exec(stdout) ?? [];
  const codes = [...listed.matchAll(/^ {2}(\d+) /gm)].map(([, code]) => Number(code));
  assert.deepEqual(codes, Object.values(EXIT));
});
