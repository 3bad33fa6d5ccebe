import type { RelayProblem } from '../api.ts';
import { EN_JOBS } from './en-jobs.ts';
import { EN_KEYS } from './en-keys.ts';
import { EN_NODES } from './en-nodes.ts';
import { EN_OVERVIEW } from './en-overview.ts';
import { EN_PAIRING } from './en-pairing.ts';
import { EN_PLAYGROUND } from './en-playground.ts';
import { EN_RECEIPTS } from './en-receipts.ts';

/** Everything that the console says: here what stands around its pages, in the other files what each page says. */
export const EN = {
  title: 'Sparewatt console',
  relay: (host: string) => `Relay ${host}`,
  navigation: 'Pages',
  skip: 'Skip to the page',
  loading: 'Waiting for the relay…',
  language: 'Language',
  /** What went wrong, as a sentence. */
  problem: ({ message }: Pick<RelayProblem, 'code' | 'message'>): string => message,
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
  ...EN_OVERVIEW,
  ...EN_NODES,
  ...EN_JOBS,
  ...EN_KEYS,
  ...EN_PAIRING,
  ...EN_PLAYGROUND,
  ...EN_RECEIPTS,
};
