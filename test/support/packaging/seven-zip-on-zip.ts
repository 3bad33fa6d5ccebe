#!/usr/bin/env node
/** As much of 7za as electron-builder uses for a zip, on Info-ZIP's own zip, for machines that cannot fetch its bundle. Releases use the real one. */
import { spawnSync } from 'node:child_process';

const [command, ...words] = process.argv.slice(2);
const [archive = '', ...members] = words.filter((word) => !word.startsWith('-'));
if (command !== 'a' || !archive.endsWith('.zip')) {
  console.error(`This makes a zip and does nothing else: ${command} ${archive}`);
  process.exit(2);
}
// Links stay links, as in the bundles of macOS; it is looked at, not sent to anybody, so that it is packed quickly.
const { status } = spawnSync('zip', ['-q', '-r', '-y', '-1', archive, ...members], { stdio: 'inherit' });
process.exit(status ?? 1);
