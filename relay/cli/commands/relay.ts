import { type Command, Option } from 'commander';
import { parseMdnsNetwork } from '../../../shared/discovery/mdns-network.ts';
import { Problem } from '../../../shared/problems/problem.ts';
import { saveCompiledCodeSoon } from '../../compiled-code.ts';
import { relayFolder } from '../../config/folders.ts';
import { type LoadedSettings, settingsOf } from '../../config/load-settings.ts';
import { otlpTargetOf } from '../../config/otlp-target.ts';
import type { RelaySettings } from '../../config/relay-settings.ts';
import { showSettings } from '../../config/shown-settings.ts';
import type { RelayOptions } from '../../relay-options.ts';
import { listenForInterruption } from '../interrupt.ts';
import { addSettingOptions, loadFromOptions, type SettingOptions } from '../options/setting-options.ts';
import { relayBanner } from '../terminal/relay-banner.ts';
import { createCommandLog } from '../terminal/terminal-log.ts';

type RelayCommandOptions = SettingOptions & { readyJson?: boolean; quiet?: boolean };

const HOUR_MS = 3_600_000;

export const RELAY_SECTIONS = ['program', 'relay'] as const;

export function defineRelayCommand(command: Command): void {
  addSettingOptions(command, RELAY_SECTIONS)
    .addOption(
      new Option('--ready-json', 'print one line of JSON with url, natsUrl, apiKey, adminToken, pid when ready'),
    )
    .addOption(new Option('--quiet', 'print no address and no keys, as a service whose output is kept should'))
    .action(async (options: RelayCommandOptions) => {
      // Loaded here, so that the commands that only ask a relay need not wait for it.
      const { startRelay } = await import('../../server.ts');
      const { hasPages } = await import('../../routes/pages/pages.ts');
      const loaded = loadFromOptions(RELAY_SECTIONS, options);
      const { log_level } = settingsOf(loaded, 'program');
      const log = createCommandLog(log_level);
      const { asked, insisted } = listenForInterruption();
      const relay = await startRelay({ ...relayOptionsOf(loaded), insisted, log });
      if (options.readyJson === true) {
        const { url, natsUrl, apiKey, adminToken } = relay;
        process.stdout.write(`${JSON.stringify({ url, natsUrl, apiKey, adminToken, pid: process.pid })}\n`);
      } else if (options.quiet !== true) {
        process.stdout.write(relayBanner(relay, loaded, hasPages()));
      }
      saveCompiledCodeSoon();
      const signal = await asked;
      log.info({ signal }, 'the relay is stopping');
      await relay.close();
    });
}

/** What a relay is started with, as file, environment and flags say. Errors: `invalid_setting`, `invalid_option`. */
export function relayOptionsOf(loaded: LoadedSettings): Omit<RelayOptions, 'log'> {
  const { data, mdns, ...program } = settingsOf(loaded, 'program');
  const otlp = otlpTargetOf(program);
  const { port, host, nats, nats_creds, announce, approve, open, public_url, bus_port, keep_bus, ...relay } =
    settingsOf(loaded, 'relay');
  assertNoSecretShown(loaded);
  return {
    port,
    host,
    dataFolder: relayFolder(data),
    settings: showSettings(loaded.settings),
    ...(relay.database_url === undefined ? {} : { databaseUrl: relay.database_url }),
    databaseWaitMs: relay.database_wait_s * 1_000,
    ...(nats === undefined ? {} : { natsUrl: nats }),
    ...(nats_creds === undefined ? {} : { natsCredsFile: nats_creds }),
    ...(bus_port === undefined ? {} : { busPort: bus_port }),
    ...(relay.tls ? { tls: { names: relay.tls_names, browserNodes: relay.browser_nodes } } : {}),
    ...(public_url === undefined ? {} : { publicUrl: public_url.replace(/\/$/, '') }),
    keepBus: keep_bus,
    approveNodes: approve,
    open,
    ...(relay.services === undefined ? {} : { servicesPath: relay.services }),
    ...(relay.attestation_key === undefined ? {} : { attestationKeyFile: relay.attestation_key }),
    ...(otlp === undefined ? {} : { otlp }),
    supervised: relay.supervised,
    fileLimits: fileLimitsOf(relay),
    ...(relay.webhook_networks === undefined ? {} : { webhookNetworks: relay.webhook_networks }),
    pictureSources: { hosts: relay.image_hosts },
    corsOrigins: relay.cors_origins,
    drainMs: relay.drain_s * 1_000,
    queueLimits: { keepResultsMs: relay.keep_results_h * HOUR_MS },
    ...(relay.keep_jobs_days === undefined ? {} : { keepJobsMs: relay.keep_jobs_days * 24 * HOUR_MS }),
    announce: { when: announce, network: parseMdnsNetwork(mdns) },
  };
}

function fileLimitsOf({ file_mb, files_mb, files_hours }: Pick<RelaySettings, 'file_mb' | 'files_mb' | 'files_hours'>) {
  const mostBytes = files_mb * 2 ** 20;
  return {
    mostFileBytes: file_mb * 2 ** 20,
    mostBytes,
    mostBytesPerKey: mostBytes / 2,
    lifetimeMs: files_hours * 3_600_000,
  };
}

/** Every user of a machine can read its command lines. */
function assertNoSecretShown({ settings }: LoadedSettings): void {
  const shows = (wanted: string, secret: RegExp): boolean => {
    const row = settings.find(({ section, key }) => section === 'relay' && key === wanted);
    return row?.origin === 'flag' && secret.test(String(row.value));
  };
  if (shows('nats', /@/)) {
    const advice = 'Set SPAREWATT_RELAY_NATS instead, or give a creds file with --nats-creds.';
    throw new Problem('invalid_option', `A user or password of NATS does not belong on the command line. ${advice}`);
  }
  if (shows('database_url', /:[^/@]*@|[?&]password=/)) {
    const advice = 'Set DATABASE_URL instead, or keep it in a file as ~/.pgpass.';
    throw new Problem('invalid_option', `The password of a database does not belong on the command line. ${advice}`);
  }
}
