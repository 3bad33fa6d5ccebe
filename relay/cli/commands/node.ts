import { homedir } from 'node:os';
import { type Command, InvalidArgumentError, Option } from 'commander';
import {
  CONTROL_VERSION,
  type ControlAnswer,
  type ControlRequest,
  LEDGER_JOBS_MOST,
  LEDGER_RECEIPTS_MOST,
  LOG_LINES_MOST,
  PAUSE_MOST_MS,
} from '../../../shared/control/control-protocol.ts';
import { pauseEnd } from '../../../shared/preferences/wish.ts';
import { settingsOf } from '../../config/load-settings.ts';
import { askNode, type FoundNode } from '../node/control-client.ts';
import { controlFolders, findNode } from '../node/node-folders.ts';
import { addDataOption, loadFromOptions, type SettingOptions } from '../options/setting-options.ts';
import { suggest } from '../terminal/next-step.ts';
import { ledgerJobsText, ledgerReceiptsText } from '../terminal/node-ledger-text.ts';
import { logLineText, nodeStatusText } from '../terminal/node-status-text.ts';

type NodeOptions = SettingOptions & { json?: boolean };
type PauseOptions = NodeOptions & { for?: number };
type PageOptions = NodeOptions & { limit: number; before?: number };
type LogOptions = NodeOptions & { lines: number; follow?: boolean };

const UNITS_MS = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const version = CONTROL_VERSION;

/** `sparewatt node …`: the node of this very machine, be it the desktop app or `sparewatt agent`. */
export function defineNodeCommand(node: Command): void {
  stateCommand(node, 'status', 'whether it contributes and why, its jobs, models in memory and relay').action(
    (options: NodeOptions) => change(options, { version, ask: 'status' }),
  );
  stateCommand(node, 'pause', 'give the machine back to you: no new jobs, and memory is freed')
    .addOption(
      new Option(
        '--for <time>',
        'how long: 30m, 3h, 2d or tomorrow, for example (default: until you resume)',
      ).argParser(parsePause),
    )
    .action(async ({ for: ms, ...options }: PauseOptions) => {
      await change(options, { version, ask: 'pause', forMs: ms ?? null });
      suggest(options, 'Go on:', 'node resume');
    });
  stateCommand(node, 'resume', 'end a pause').action((options: NodeOptions) =>
    change(options, { version, ask: 'resume' }),
  );
  stateCommand(node, 'finish', 'end the jobs that run, then pause').action(async (options: NodeOptions) => {
    await change(options, { version, ask: 'finish' });
    suggest(options, 'Go on:', 'node resume');
  });
  pageCommand(
    node,
    'jobs',
    'the jobs that this machine has run, the newest first; never what was asked',
    LEDGER_JOBS_MOST,
  ).action((options: PageOptions) => showPage(options, 'jobs'));
  pageCommand(node, 'receipts', 'the receipts of its jobs, as its relay has signed them', LEDGER_RECEIPTS_MOST).action(
    (options: PageOptions) => showPage(options, 'receipts'),
  );
  const log = new Option('--lines <count>', `how many of the last lines, ${LOG_LINES_MOST} at most`);
  nodeCommand(node, 'log', 'its log; never holds anything of a job')
    .addOption(log.argParser(parseLines).default(50))
    .addOption(new Option('--follow', 'keep printing what it logs from now on'))
    .addOption(new Option('--json', 'print each line as the JSON object that it is'))
    .action(showLog);
}

function nodeCommand(parent: Command, name: string, description: string): Command {
  return addDataOption(parent.command(name).description(description));
}

function stateCommand(parent: Command, name: string, description: string): Command {
  return nodeCommand(parent, name, description).addOption(new Option('--json', 'print the state of the node as JSON'));
}

function pageCommand(parent: Command, name: string, description: string, most: number): Command {
  return nodeCommand(parent, name, description)
    .addOption(
      new Option('--limit <count>', `how many, ${most} at most`)
        .argParser((text) => parseCount(text, 1, most))
        .default(20),
    )
    .addOption(
      new Option('--before <row>', 'those before this row, as `next` of the page before says').argParser(parseRow),
    )
    .addOption(new Option('--json', 'print them as JSON, with `next` for those that follow'));
}

async function change(options: NodeOptions, request: ControlRequest): Promise<void> {
  for await (const answer of askNode(await nodeOf(options), request)) {
    if (answer.answer !== 'status') continue;
    const { status } = answer;
    process.stdout.write(options.json === true ? `${JSON.stringify(status)}\n` : nodeStatusText(status, Date.now()));
  }
}

async function showPage({ limit, before, ...options }: PageOptions, what: 'jobs' | 'receipts'): Promise<void> {
  for await (const answer of askNode(await nodeOf(options), { version, ask: what, before: before ?? null, limit })) {
    if (answer.answer !== 'jobs' && answer.answer !== 'receipts') continue;
    process.stdout.write(options.json === true ? `${JSON.stringify(pageOf(answer))}\n` : pageText(answer));
    if (answer.next !== null)
      suggest(options, 'Those before:', `node ${what} --limit ${limit} --before ${answer.next}`);
  }
}

type Page = ControlAnswer & { answer: 'jobs' | 'receipts' };

/** A receipt as the document that it is, so that it can be cut out and verified. */
function pageOf(page: Page): { data: unknown[]; next: number | null } {
  if (page.answer === 'jobs') return { data: page.jobs, next: page.next };
  const data = page.receipts.map(({ document, ...entry }) => ({ ...entry, receipt: JSON.parse(document) }));
  return { data, next: page.next };
}

function pageText(page: Page): string {
  const now = Date.now();
  return page.answer === 'jobs' ? ledgerJobsText(page.jobs, now) : ledgerReceiptsText(page.receipts, now);
}

async function showLog({ lines, follow, json, ...options }: LogOptions): Promise<void> {
  const node = await nodeOf(options);
  // Who reads only the first lines, as `head` does, has what they wanted.
  let isRead = true;
  process.stdout.on('error', () => {
    isRead = false;
    node.socket.destroy();
  });
  try {
    for await (const answer of askNode(node, { version, ask: 'log', lines, follow: follow === true })) {
      if (answer.answer !== 'log') continue;
      process.stdout.write(json === true ? `${answer.line}\n` : logLineText(answer.line, Date.now()));
    }
  } catch (error) {
    if (isRead) throw error;
  }
}

async function nodeOf(options: NodeOptions): Promise<FoundNode> {
  const loaded = loadFromOptions(['program'], options);
  settingsOf(loaded, 'program'); // What is wrong is said first.
  const { platform, env } = process;
  return findNode(controlFolders(loaded, { platform, env, home: homedir() }));
}

function parsePause(text: string): number {
  const [, count, unit] = /^(\d{1,9})([smhd])$/.exec(text) ?? [];
  const now = Date.now();
  const ms = text === 'tomorrow' ? (pauseEnd('tomorrow', now) ?? now) - now : Number(count) * UNITS_MS[unit as 's'];
  if (ms >= 1 && ms <= PAUSE_MOST_MS) return ms;
  throw new InvalidArgumentError('A time such as 30m, 3h or 2d, at most 30d, or tomorrow.');
}

function parseLines(text: string): number {
  return parseCount(text, 0, LOG_LINES_MOST);
}

function parseRow(text: string): number {
  return parseCount(text, 0, Number.MAX_SAFE_INTEGER);
}

function parseCount(text: string, least: number, most: number): number {
  const count = Number(text);
  if (/^\d+$/.test(text) && count >= least && count <= most) return count;
  throw new InvalidArgumentError(`A whole number from ${least} to ${most}.`);
}
