import type { Command } from 'commander';

/** `load` brings what gives the command its flags, its parts and its action. */
export type CommandEntry = [name: string, description: string, load: () => Promise<(command: Command) => void>];

/** Every command in the order of the help. A command is loaded when it is called, since each stands on something else. */
export const COMMANDS: CommandEntry[] = [
  [
    'start',
    'start a relay and a node on this machine, ask one question, and stay up',
    async () => (await import('./start.ts')).defineStartCommand,
  ],
  [
    'relay',
    'start a relay: the HTTP API, its NATS server and its database',
    async () => (await import('./relay.ts')).defineRelayCommand,
  ],
  [
    'agent',
    'make this machine a node: run jobs for a relay, without a screen',
    async () => (await import('./agent.ts')).defineAgentCommand,
  ],
  [
    'chat',
    'ask a model of the pool one question and print its answer as it is made',
    async () => (await import('./chat.ts')).defineChatCommand,
  ],
  [
    'models',
    'list the models that the pool can serve now; the subcommands are about the files of this machine',
    async () => (await import('./models.ts')).defineModelsCommand,
  ],
  [
    'node',
    'see and steer the node that runs on this machine, app or agent',
    async () => (await import('./node.ts')).defineNodeCommand,
  ],
  [
    'nodes',
    'see the nodes, send them tasks, and administer them',
    async () => (await import('./nodes.ts')).defineNodesCommand,
  ],
  ['receipts', 'show and verify receipts of jobs', async () => (await import('./receipts.ts')).defineReceiptsCommand],
  [
    'jobs',
    'submit jobs that are done later, and see what became of them',
    async () => (await import('./jobs.ts')).defineJobsCommand,
  ],
  [
    'batches',
    "have files of requests answered within a day, as OpenAI's batches",
    async () => (await import('./batches.ts')).defineBatchesCommand,
  ],
  [
    'files',
    'keep files at the relay for jobs and batches, and fetch what these have made',
    async () => (await import('./files.ts')).defineFilesCommand,
  ],
  ['services', 'see what the pool can be asked for', async () => (await import('./services.ts')).defineServicesCommand],
  [
    'pair',
    'make a one-time code that lets one machine join the relay as a node, within ten minutes',
    async () => (await import('./pair.ts')).definePairCommand,
  ],
  ['keys', 'see and administer the API keys of the relay', async () => (await import('./keys.ts')).defineKeysCommand],
  [
    'usage',
    'show what an API key, or with --all everybody, has used, and the credits it has left',
    async () => (await import('./usage.ts')).defineUsageCommand,
  ],
  [
    'credits',
    'see and administer credits: prices, balances, settlements',
    async () => (await import('./credits.ts')).defineCreditsCommand,
  ],
  [
    'ca',
    'name the certificate authority of the relay of this machine, for programs that are to trust it',
    async () => (await import('./ca.ts')).defineCaCommand,
  ],
  [
    'nats-config',
    'print the configuration with which your own NATS server keeps the nodes of this relay apart',
    async () => (await import('./nats-config.ts')).defineNatsConfigCommand,
  ],
  [
    'credentials',
    'write a NATS creds file with which a program of yours can find nodes and ask them for work',
    async () => (await import('./credentials.ts')).defineCredentialsCommand,
  ],
  [
    'config',
    'show every setting and where its value came from',
    async () => (await import('./config.ts')).defineConfigCommand,
  ],
  [
    'snapshot',
    'print the whole state of a relay as JSON: health, nodes, models, jobs, configuration',
    async () => (await import('./snapshot.ts')).defineSnapshotCommand,
  ],
  [
    'preflight',
    'check that a relay is well and still what a saved snapshot says; ends with 0 or 1',
    async () => (await import('./preflight.ts')).definePreflightCommand,
  ],
  [
    'completion',
    'print a script with which bash, zsh or fish completes commands and flags by Tab',
    async () => (await import('./completion.ts')).defineCompletionCommand,
  ],
];
