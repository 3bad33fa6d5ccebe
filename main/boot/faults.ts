import type { AgentLog } from '../../shared/agent/log.ts';
import type { Language } from '../../shared/ipc/language.ts';
import { Problem } from '../../shared/problems/problem.ts';
import { HIDDEN_ARGUMENT } from '../autostart/autostart.ts';
import { LINK_SCHEME } from '../links/pair-link.ts';
import { MAIN_TEXTS } from '../tray/main-texts.ts';
import type { DesktopHost } from './desktop-host.ts';
import { logPath } from './storage.ts';

/** What Node's process tells of. */
export type FaultSource = {
  on(event: 'uncaughtException', listener: (error: unknown) => void): unknown;
  on(event: 'unhandledRejection', listener: (reason: unknown) => void): unknown;
};

/** How the app ends once there is something to be ended in order. */
export type FaultEnd = { quit(): void; language(): Language; isWindowOpen(): boolean };

export type FaultWatch = { endBy(end: FaultEnd): void };

/** Who has run this long is started again; who has not would only fail in a circle. */
const STABLE_MS = 60_000;
/** Of what an error says before its stack. */
const SAID_MOST_CHARACTERS = 300;

/**
 * Faults of the main process that nobody caught. Invariants: (1) each is logged first, with its stack and without what it
 * quotes, which may be a job's; (2) a promise that was rejected for nobody ends nothing; (3) an exception ends the app, for
 * what it left half done is unknown: once, in order, jobs handed back, and to begin anew unless it had only just begun; (4) an
 * app that ends for good says so.
 */
export function watchFaults(host: DesktopHost, log: AgentLog): FaultWatch {
  const { electron, faults, now } = host;
  const startedAt = now();
  let end: FaultEnd | undefined;
  let isEnding = false;
  faults.on('unhandledRejection', (reason) =>
    log.error({ fault: saidOf(reason) }, 'a promise was rejected and nobody waited for it'),
  );
  faults.on('uncaughtException', (error) => {
    log.error({ fault: saidOf(error) }, 'an exception reached nobody, and the app ends');
    if (isEnding) return;
    isEnding = true;
    if (now() - startedAt >= STABLE_MS) beginAnew(host, end?.isWindowOpen() ?? false);
    else {
      const { title, body } = MAIN_TEXTS[end?.language() ?? 'en'].fault;
      electron.dialog.showErrorBox(title, body(logPath(host)));
    }
    if (end === undefined) electron.app.exit(1);
    else end.quit();
  });
  return {
    endBy: (given) => {
      end = given;
    },
  };
}

/** Nobody sees the process of an app that ends before it has a window. Its language is among the settings, which may be what failed. */
export function tellFailedStart(host: DesktopHost, log: AgentLog, error: unknown): void {
  const { fault, problem } = MAIN_TEXTS.en;
  log.error({ fault: saidOf(error) }, 'the app could not start');
  const why = error instanceof Problem ? problem(error) : fault.body(logPath(host));
  host.electron.dialog.showErrorBox(fault.title, why);
}

/** Starts the app again when it has ended: as it was started, without the link that somebody may have opened it with, and in the tray if it was there. */
export function beginAnew({ electron, argv, program }: DesktopHost, isWindowOpen: boolean): void {
  const kept = argv.slice(1).filter((each) => each !== HIDDEN_ARGUMENT && !each.startsWith(`${LINK_SCHEME}:`));
  electron.app.relaunch({ execPath: program, args: isWindowOpen ? kept : [...kept, HIDDEN_ARGUMENT] });
}

/** Where it happened and what is said there, but for what is quoted: a parser quotes the text that it was given. */
export function saidOf(fault: unknown): string {
  if (!(fault instanceof Error)) return `not an error but ${fault === null ? 'null' : typeof fault}`;
  const text = fault.stack ?? `${fault.name}: ${fault.message}`;
  const frames = text.indexOf('\n    at ');
  const said = (frames === -1 ? text : text.slice(0, frames))
    .replace(/"[\s\S]*"/, '"…"')
    .slice(0, SAID_MOST_CHARACTERS);
  return frames === -1 ? said : said + text.slice(frames);
}
