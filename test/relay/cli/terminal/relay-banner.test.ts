import assert from 'node:assert/strict';
import { test } from 'node:test';
import { relayBanner } from '../../../../relay/cli/terminal/relay-banner.ts';
import { loadSettings } from '../../../../relay/config/load-settings.ts';

/** As nobody's files and variables say. */
const LOADED = loadSettings(['program', 'relay'], {
  flags: { data: '/srv/pool' },
  env: {},
  workingFolder: '/srv/pool',
});
const STARTED = { url: 'http://127.0.0.1:8484', apiKey: 'sk-sparewatt-x', adminToken: 'sw-admin-x' };

test('a relay whose pages are not built says so beside the address of the console, and how they are', () => {
  assert.match(
    relayBanner(STARTED, LOADED, false),
    /console +http:.*console {3}\(once "npm run build" has built it; asks/,
  );
  assert.match(relayBanner(STARTED, LOADED, true), /console +http:.*console {3}\(asks for the admin token\)/);
});
