import type { NodeStatus } from '../../../shared/control/control-protocol.ts';
import type { RelayLink, RunningJob } from '../../../shared/ipc/app-state.ts';
import { needsText, type SetRule } from '../../../shared/preferences/owner-rules.ts';
import { counted } from '../../../shared/problems/counted.ts';
import type { DeviceTrial } from '../../../shared/protocol/capabilities.ts';
import { gpuText } from '../../../shared/protocol/machine-text.ts';
import type { ThreadTrial } from '../../../shared/runtimes/thread-trial.ts';
import { momentText } from './moment-text.ts';
import { ledgerTexts } from './node-ledger-text.ts';
import { printable } from './printable.ts';
import { out } from './style.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const KINDS = { app: 'desktop app', agent: 'sparewatt agent' } as const;

/** The state of this machine's node for a terminal; `now` is the clock that its times are told against. */
export function nodeStatusText(status: NodeStatus, now: number): string {
  const { contributing, reason, until, since, kind, version, pid, relay, jobs, done, models, rules = [] } = status;
  const { startedAt, ledger } = status;
  const paint = contributing ? out.green : out.yellow;
  const lines = [
    `${paint(printable(reason))}${until === null ? '' : ` until ${momentText(until, now)}`}`,
    row('since', `${momentText(since, now)} (${spanText(now - since)})`),
    row('node', `${KINDS[kind]} ${printable(version)}, process ${pid}`),
    row('relay', relayText(relay)),
    ...rows(
      'jobs',
      jobs.map((job) => jobText(job, now)),
    ),
    ...(done === undefined || ledger !== undefined
      ? []
      : [row('done', `${doneText(done)} since ${momentText(startedAt, now)}`)]),
    ...(ledger === undefined ? [] : ledgerTexts(ledger).map(([name, text]) => row(name, text))),
    ...rows('models', models.flatMap(modelTexts)),
    ...(status.gpus === undefined ? [] : rows('GPUs', gpuTexts(status.gpus))),
    ...(rules.length === 0 ? [] : rows('rules', ruleTexts(rules, kind))),
  ];
  return `${lines.join('\n')}\n`;
}

/** What counts of them, and what was found. */
function gpuTexts({ counted: counting, removed }: NonNullable<NodeStatus['gpus']>): string[] {
  return [
    ...counting.map((gpu) => printable(gpuText(gpu))),
    ...removed.map((gpu) => `none, as its owner says: ${printable(gpuText(gpu))}`),
  ];
}

function doneText({ jobs, outputTokens }: NonNullable<NodeStatus['done']>): string {
  return `${counted(jobs, 'job')}, ${counted(outputTokens, 'token')} written`;
}

function modelTexts({ name, device, sizeBytes, trials = [], threadTrial }: NodeStatus['models'][number]): string[] {
  return [
    `${printable(name)}  ${printable(device)}, ${sizeText(sizeBytes)}`,
    ...trials.map((trial) => `  ${printable(trialText(trial))}`),
    ...(threadTrial === undefined ? [] : [`  ${threadsText(threadTrial)}`]),
  ];
}

/** How it did on a device in a dtype, in tokens or texts a second, and why it runs there or does not. */
function trialText({ device, dtype, per_second: perSecond, verdict, reason }: DeviceTrial): string {
  const speed = perSecond === null ? [] : [`${perSecond.toFixed(1)}/s`];
  return `${verdict === 'chosen' ? 'runs on' : 'tried'} ${device} in ${dtype}: ${[...speed, reason].join(', ')}`;
}

/** On how many threads it answers several at once. */
function threadsText({ chosen, other }: ThreadTrial): string {
  const figures = [chosen, other].map(
    ({ threads, tokensPerS }) => `${counted(threads, 'thread')} ${tokensPerS.toFixed(1)} tokens/s`,
  );
  return `several at once: ${figures.join(', ')}; runs on ${counted(chosen.threads, 'thread')}`;
}

/** Which rules of the owner hold here, and which do not, as nothing tells what they need. */
function ruleTexts(rules: readonly SetRule[], kind: NodeStatus['kind']): string[] {
  const followed = rules.filter(({ followed }) => followed);
  const untold = rules.filter(({ followed }) => !followed);
  const profile = kind === 'agent' ? 'away' : 'here';
  const isGuessed = untold.some(({ needs }) => needs === 'idle_s');
  return [
    ...(followed.length === 0 ? [] : [`followed: ${printable(needsText(followed))}`]),
    ...(untold.length === 0 ? [] : [`not followed, as nothing tells of them here: ${printable(needsText(untold))}`]),
    ...(isGuessed ? [`works as while you are ${profile}`] : []),
  ];
}

/** A line of the log, which is an object of JSON, for a terminal. */
export function logLineText(line: string, now: number): string {
  const { time, level, message, ...fields } = parsed(line);
  if (typeof time !== 'string' || typeof level !== 'string' || typeof message !== 'string')
    return `${printable(line)}\n`;
  const more = Object.entries(fields).map(
    ([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  );
  const paint = level === 'error' ? out.red : level === 'warn' ? out.yellow : out.dim;
  const text = [message, ...more].map(printable).join('  ');
  return `${out.dim(printable(whenOf(time, now)))}  ${paint(printable(level).padEnd(5))}  ${text}\n`;
}

/** By this machine's clock, as the log at the node's own terminal. */
function whenOf(time: string, now: number): string {
  const at = Date.parse(time);
  return Number.isNaN(at) ? time : momentText(at, now, 'seconds');
}

function row(name: string, text: string): string {
  return `  ${out.dim(name.padEnd(6))}  ${text}`;
}

function rows(name: string, texts: readonly string[]): string[] {
  if (texts.length === 0) return [row(name, 'none')];
  return texts.map((text, index) => row(index === 0 ? name : '', text));
}

function relayText(relay: RelayLink): string {
  switch (relay.state) {
    case 'unpaired':
      return 'none: not paired yet';
    case 'key_store_locked':
      return 'not known: the key store of this system is locked';
    case 'connected':
      return `${printable(relay.relay)}, connected as ${printable(relay.nodeId)}`;
    case 'connecting':
      return `${printable(relay.relay)}, not connected${relay.detail === undefined ? '' : `: ${printable(relay.detail)}`}`;
    case 'refused':
      return `${printable(relay.relay)}, refused: ${printable(relay.detail)}`;
  }
}

function jobText({ job, type, model, outputTokens, startedAt }: RunningJob, now: number): string {
  const made = outputTokens === 0 ? '' : `, ${outputTokens} tokens`;
  return `${printable(job)}  ${printable(type)} on ${printable(model)}, ${spanText(now - startedAt)}${made}`;
}

function spanText(ms: number): string {
  if (ms < 2 * MINUTE_MS) return `${Math.max(0, Math.round(ms / 1_000))} s`;
  if (ms < 2 * HOUR_MS) return `${Math.round(ms / MINUTE_MS)} min`;
  return ms < 2 * DAY_MS ? `${Math.round(ms / HOUR_MS)} h` : `${Math.round(ms / DAY_MS)} d`;
}

function sizeText(bytes: number): string {
  if (bytes < 1e6) return 'under 1 MB';
  return bytes < 1e9 ? `${(bytes / 1e6).toFixed(0)} MB` : `${(bytes / 1e9).toFixed(1)} GB`;
}

function parsed(line: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}
