import { type Command, Option } from 'commander';
import type { AgentLog } from '../../../shared/agent/log.ts';
import type { NodeSettings } from '../../../shared/config/node-settings.ts';
import { parseMdnsNetwork } from '../../../shared/discovery/mdns-network.ts';
import { type PairingInvitation, parseInvitation } from '../../../shared/identity/pairing-link.ts';
import { TOLD_BY_SYSTEMS } from '../../../shared/preferences/owner-rules.ts';
import { createOtlpExporter, type OtlpExporter, type OtlpTarget } from '../../../shared/tracing/otlp-exporter.ts';
import { saveCompiledCodeSoon } from '../../compiled-code.ts';
import { nodeFolder } from '../../config/folders.ts';
import { type LoadedSettings, settingsOf } from '../../config/load-settings.ts';
import { otlpTargetOf } from '../../config/otlp-target.ts';
import { isToDiscover } from '../../config/relay-or-discover.ts';
import { makeFolder } from '../../data-folder/make-folder.ts';
import { VERSION } from '../../version.ts';
import { untilInterrupted } from '../interrupt.ts';
import { whyOwnNodeRests } from '../node/own-state.ts';
import { addSettingOptions, loadFromOptions, type SettingOptions } from '../options/setting-options.ts';
import { COMMAND } from '../own-command.ts';
import { nextCommand } from '../terminal/next-step.ts';
import { printable } from '../terminal/printable.ts';
import { out } from '../terminal/style.ts';
import { createCommandLog } from '../terminal/terminal-log.ts';

type AgentCommandOptions = SettingOptions & { readyJson?: boolean };

/** Which rules of an owner hold at a node without a screen. */
const RULES_HELP = `
Rules of the owner, in the file of --policy:
  always      services, models, clients, sizes, hours, jobs at a time, GPUs,
              disk
  where this system tells of it, and only in a document of preferences
${indented(TOLD_BY_SYSTEMS)}
  never       keyboard and mouse: this node works as while you are away;
              keeping the machine awake
"${COMMAND} node status" says which are followed on this machine.
`;

/** A text in lines that fit a terminal of 80 columns, under those of `RULES_HELP`. */
function indented(text: string): string {
  return text.replace(/(?! )(.{1,66})(?: |$)/g, '              $1\n').trimEnd();
}

const GIGABYTE = 1e9;
export const AGENT_SECTIONS = ['program', 'node'] as const;

export function defineAgentCommand(command: Command): void {
  addSettingOptions(command, AGENT_SECTIONS)
    .addOption(
      new Option('--ready-json', 'print one line of JSON with nodeId and pid when a relay has accepted the node'),
    )
    .addHelpText('after', RULES_HELP)
    .action(async (options: AgentCommandOptions) => {
      // The composition root: the one place of this room that knows the other (ARCHITECTURE.md, import table).
      const { startHeadlessAgent } = await import('../../../main/headless/headless-agent.ts');
      const { startRoamingAgent } = await import('../../../main/headless/roaming-agent.ts');
      const loaded = loadFromOptions(AGENT_SECTIONS, options);
      const { data, log_level, mdns, ...program } = settingsOf(loaded, 'program');
      const log = createCommandLog(log_level);
      const exporter = exportRuns(otlpTargetOf(program), log);
      const settings = settingsOf(loaded, 'node');
      const invitation = settings.pair === undefined ? undefined : parseInvitation(settings.pair);
      const isRoaming = isToDiscover(loaded.settings);
      const dataFolder = await takeNodeFolder(data);
      const interrupted = untilInterrupted();
      const stopping = new AbortController();
      void interrupted.then(() => stopping.abort());
      const node = {
        dataFolder,
        models: settings.models,
        modelSources: settings.model_sources,
        slots: settings.slots,
        allowTools: settings.allow_tools,
        gpus: settings.gpus,
        keyStore: settings.key_store,
        version: VERSION,
        log,
        spans: exporter && {
          export: exporter.export,
          random: (bytes: Uint8Array<ArrayBuffer>) => crypto.getRandomValues(bytes),
        },
        onProgress: say,
        invitation,
        signal: stopping.signal,
        ...optionalSettings(settings),
      };
      const startAt = async (relayUrl: string) => ({
        relayUrl,
        agent: await startHeadlessAgent({ ...node, relayUrl }),
      });
      const start = () =>
        isRoaming
          ? startRoamingAgent({ ...node, network: parseMdnsNetwork(mdns) })
          : startAt(relayToGoTo(loaded, settings, invitation).replace(/\/+$/, ''));
      const started = await unlessStopped(start, stopping.signal);
      if (started === undefined) return exporter?.close();
      const { agent, relayUrl } = started;
      const stopped = interrupted.then(() => agent.close());
      agent.ready.then(
        async (nodeId) => {
          const rests = options.readyJson === true ? undefined : await whyOwnNodeRests(dataFolder);
          process.stdout.write(readyText({ nodeId, relayUrl, rests }, options));
          saveCompiledCodeSoon();
        },
        () => undefined, // `ended` carries the reason.
      );
      const problem = await Promise.race([agent.ended, stopped.then(() => undefined)]);
      await exporter?.close();
      if (problem !== undefined) throw problem;
    });
}

/**
 * The node's folder, for this process alone: two with one key would take the session from each other for ever. Errors:
 * `data_folder_in_use`, `data_folder_unusable`.
 */
async function takeNodeFolder(data: string): Promise<string> {
  // Loaded here, as its database driver is native code that no other command waits for.
  const { lockFolder } = await import('../../data-folder/folder-lock.ts');
  const folder = makeFolder(nodeFolder(data));
  process.once('exit', lockFolder(folder, Date.now, 'node').release);
  return folder;
}

/** Undefined where the start was broken off, which is no failure. */
async function unlessStopped<Started>(
  start: () => Promise<Started>,
  signal: AbortSignal,
): Promise<Started | undefined> {
  try {
    return await start();
  } catch (error) {
    if (signal.aborted) return undefined;
    throw error;
  }
}

/** The node's own spans; its owner says where they go, and no relay does. */
function exportRuns(target: OtlpTarget | undefined, log: AgentLog): OtlpExporter | undefined {
  if (target === undefined) return undefined;
  const resource = { attributes: { 'service.name': 'sparewatt-node', 'service.version': VERSION }, version: VERSION };
  return createOtlpExporter({ ...target, resource, fetch: globalThis.fetch, log });
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** A link says where its relay is; an address that was given beside it counts more, one that was found here does not. */
function relayToGoTo(loaded: LoadedSettings, { relay }: NodeSettings, invitation?: PairingInvitation): string {
  const given = loaded.settings.find(({ section, key }) => section === 'node' && key === 'relay');
  const isGiven = !['default', 'remembered', 'running'].includes(given?.origin ?? 'default');
  return isGiven ? relay : (invitation?.relayUrl ?? relay);
}

function optionalSettings(settings: NodeSettings) {
  const { name, join_token, hub, hub_token, policy, caps_port, models_quota_gb, unload_after_min } = settings;
  return {
    ...(name === undefined ? {} : { name }),
    ...(join_token === undefined ? {} : { joinToken: join_token }),
    ...(hub === undefined ? {} : { hubUrl: hub }),
    ...(hub_token === undefined ? {} : { hubToken: hub_token }),
    ...(models_quota_gb === undefined ? {} : { modelsQuotaBytes: models_quota_gb * GIGABYTE }),
    ...(unload_after_min === undefined ? {} : { idleMs: unload_after_min * 60_000 }),
    ...(policy === undefined ? {} : { policy }),
    ...(caps_port === undefined ? {} : { capsPort: caps_port }),
  };
}

/** `rests`: why it does no work yet. */
type Ready = { nodeId: string; relayUrl: string; rests: string | undefined };

function readyText({ nodeId, relayUrl, rests }: Ready, { readyJson, data }: AgentCommandOptions): string {
  if (readyJson === true) return `${JSON.stringify({ nodeId, pid: process.pid })}\n`;
  const status = nextCommand(data === undefined ? {} : { data }, 'node status');
  const more = out.dim(
    `What it does, from another terminal:  ${status}   (also jobs, receipts, pause, resume, finish, log)`,
  );
  const node = `as ${out.cyan(printable(nodeId))} to ${relayUrl}`;
  const state =
    rests === undefined ? `${out.bold('Contributing')} ${node}` : `${out.bold(printable(rests))}. Connected ${node}`;
  return `\n${state}. Ctrl-C stops.\n${more}\n\n`;
}
