// `npm start`: the relay's pages, if they are not built yet, and then `sparewatt start` in this same process, so that a
// signal reaches it. Plain JavaScript, because an older Node must be able to read it.
import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const build = dirname(fileURLToPath(import.meta.url));
const command = join(build, '..', 'relay', 'cli', 'bin.mjs');

if (Number(process.versions.node.split('.')[0]) >= 24) {
  // Standard output is the command's own.
  spawnSync(process.execPath, [join(build, 'pages.ts'), '--if-needed'], { stdio: ['ignore', 2, 2] });
}
process.argv.splice(1, 1, command, 'start');
await import('../relay/cli/bin.mjs');
