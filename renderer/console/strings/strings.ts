import { JOBS_STRINGS } from './strings-jobs.ts';
import { KEYS_STRINGS } from './strings-keys.ts';
import { NODES_STRINGS } from './strings-nodes.ts';
import { OVERVIEW_STRINGS } from './strings-overview.ts';
import { PAIRING_STRINGS } from './strings-pairing.ts';
import { PLAYGROUND_STRINGS } from './strings-playground.ts';
import { RECEIPTS_STRINGS } from './strings-receipts.ts';

/** Everything that the console says: here what stands around its pages, in the other files what each page says. */
export const STRINGS = {
  title: 'Sparewatt console',
  relay: (host: string) => `Relay ${host}`,
  navigation: 'Pages',
  skip: 'Skip to the page',
  loading: 'Waiting for the relay…',
  pages: {
    overview: 'Overview',
    nodes: 'Nodes',
    jobs: 'Jobs',
    approvals: 'Approvals',
    keys: 'Keys',
    pairing: 'Pairing',
    playground: 'Playground',
    receipts: 'Receipts',
  },
  line: { connecting: 'Connecting…', open: 'Live', lost: 'No connection, trying again…' },
  actions: {
    copy: 'Copy',
    copied: 'Copied',
    failed: 'Select and copy by hand',
    cancel: 'Keep it as it is',
    signOut: 'Sign out',
  },
  signIn: {
    title: 'Sparewatt console',
    token: 'Admin token',
    hint: '“sparewatt relay” prints it when it starts. It is sent once and not kept in this browser.',
    submit: 'Sign in',
    ended: 'The session has ended. Sign in again.',
  },
  ...OVERVIEW_STRINGS,
  ...NODES_STRINGS,
  ...JOBS_STRINGS,
  ...KEYS_STRINGS,
  ...PAIRING_STRINGS,
  ...PLAYGROUND_STRINGS,
  ...RECEIPTS_STRINGS,
};
