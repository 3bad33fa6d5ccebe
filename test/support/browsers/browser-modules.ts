import { readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Page, Route } from 'playwright-core';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const PREFIX = '/test-modules/';
/** What a page may load: the sources it runs, and the packages they name. */
const ROOMS = ['shared/', 'test/support/', 'dist/libraries/', 'node_modules/typebox/', 'node_modules/nats.ws/'];

const IMPORT_MAP = {
  imports: { ...packageImports('typebox', ['', '/compile', '/value']), ...packageImports('nats.ws', ['']) },
};

/**
 * Lets a page of another server load sources of this repository as they are, but without their types:
 * `import('/test-modules/shared/agent/agent.ts')`. The page must come from that server itself: one that is made up is of
 * no network, and Chromium lets such a page open no WebSocket to this machine.
 */
export async function serveModules(page: Page): Promise<void> {
  await page.route(`**${PREFIX}**`, serve);
  await page.addScriptTag({ type: 'importmap', content: JSON.stringify(IMPORT_MAP) });
}

async function serve(route: Route): Promise<void> {
  const path = normalize(new URL(route.request().url()).pathname.slice(PREFIX.length));
  if (!ROOMS.some((room) => path.startsWith(room))) return route.fulfill({ status: 404, body: path });
  const source = readFileSync(join(ROOT, path), 'utf8');
  const body = path.endsWith('.ts') ? stripTypeScriptTypes(source) : source;
  return route.fulfill({ contentType: 'text/javascript', body });
}

function packageImports(name: string, entries: string[]): Record<string, string> {
  return Object.fromEntries(
    entries.map((entry) => {
      const file = fileURLToPath(import.meta.resolve(`${name}${entry}`));
      return [`${name}${entry}`, `${PREFIX}${file.slice(file.search(/node_modules\/|dist\/libraries\//))}`];
    }),
  );
}
