import type { AppState } from '../../../shared/ipc/app-state.ts';
import type { LogLine } from './log-lines.ts';

const NEW_ISSUE = 'https://github.com/sparewatt/sparewatt/issues/new';
/** As the app opens links, with room for what escaping adds. */
const LINK_MOST_CHARACTERS = 8_000;
const LINES = 20;
/** Above it a person writes. */
const FACTS = '### Sparewatt';

/**
 * What a report says: of the app and its state the words of our own tables, of the log its sentences and codes. No names of
 * relays, clients or programs, no paths, no texts of jobs; a sentence of the log may name a model. Pure.
 */
export function bugReport(state: AppState, lines: readonly LogLine[], question: string): string {
  const { version, code, relay, gpu, jobs, unknown, update } = state;
  const facts = [
    `Version: ${version}`,
    `State: ${code}`,
    `Relay: ${relay.state}`,
    `GPU: ${gpu === null ? 'not looked at' : `${gpu.usable ? 'usable' : 'not usable'}, ${gpu.vendor} ${gpu.architecture}`}`,
    `Jobs: ${jobs.length}`,
    `Update: ${update.state}`,
    `Not told by this system: ${unknown.join(', ') || 'nothing'}`,
  ];
  const told = lines
    .filter(({ level }) => level !== 'info')
    .slice(-LINES)
    .map(({ time, level, message, code: problem }) => `${time} ${level} ${message}${problem ? ` (${problem})` : ''}`);
  return [`### ${question}`, '', '', FACTS, ...facts, '', '### Log', '```', ...told, '```'].join('\n');
}

/** The report with the facts of a newer one; where its person has changed those of `made`, it stays as it is. Pure. */
export function renewedReport(text: string, made: string, newer: string): string {
  const factsOf = (report: string): string => report.slice(report.indexOf(FACTS));
  return text.endsWith(factsOf(made)) ? text.slice(0, -factsOf(made).length) + factsOf(newer) : text;
}

/** A link that opens the report in a browser, shortened from its end where it would be too long. Pure. */
export function reportLink(text: string): string {
  let body = text;
  const link = (): string => `${NEW_ISSUE}?${new URLSearchParams({ title: '', body })}`;
  while (link().length > LINK_MOST_CHARACTERS) body = body.slice(0, Math.floor(body.length * 0.9));
  return link();
}
