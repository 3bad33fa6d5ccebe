// `npm start`: `sparewatt start` in this same process, so that a signal reaches it, while the relay's pages are built beside
// it if they are not there yet: the first answer does not wait for them, and the relay serves them once they are done.
// Plain JavaScript, because an older Node must be able to read it.
import { spawn } from 'node:child_process';
import { constants, setPriority } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const build = dirname(fileURLToPath(import.meta.url));
const command = join(build, '..', 'relay', 'cli', 'bin.mjs');

// Nobody looks at the pages of a relay that ends after one answer.
if (Number(process.versions.node.split('.')[0]) >= 24 && !process.argv.includes('--once')) buildPages();
process.argv.splice(1, 1, command, 'start');
await import('../relay/cli/bin.mjs');

function buildPages() {
  // Standard output is the command's own; what fails is said on the other.
  const child = spawn(process.execPath, [join(build, 'pages.ts'), '--if-needed'], { stdio: ['ignore', 'ignore', 2] });
  process.once('exit', () => child.kill());
  child.once('error', (error) => console.error(`The pages could not be built: ${error.message}`));
  try {
    if (child.pid !== undefined) setPriority(child.pid, constants.priority.PRIORITY_LOW);
  } catch {
    // It has ended already, or this system lets nobody do that.
  }
}
