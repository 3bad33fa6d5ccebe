import { type LoadedSettings, settingsOf } from '../../config/load-settings.ts';
import { isLoopback, lanUrl, localUrlOf } from '../../lan-url.ts';
import { VERSION } from '../../version.ts';
import { authorityFile } from '../client/relay-authority.ts';
import { COMMAND } from '../own-command.ts';
import { out } from './style.ts';

type Started = { url: string; apiKey: string; adminToken: string };

/** What a person reads when a relay has started: where it is, its keys, and commands that work when pasted. */
export function relayBanner({ url, apiKey, adminToken }: Started, loaded: LoadedSettings, hasPages: boolean): string {
  const { data } = settingsOf(loaded, 'program');
  const here = localUrlOf(url);
  const addresses = [...new Set([lanUrl(url), here])].filter((address) => address !== undefined);
  const flags = ` --relay ${here}${dataFlag(loaded)}`;
  const rows: [string, string][] = [
    ['address', addresses.map(out.cyan).join(', ')],
    ['API key', apiKey],
    ['admin token', adminToken],
    [
      'console',
      `${out.cyan(`${here}/console`)}   ${out.dim(`(${hasPages ? '' : 'once "npm run build" has built it; '}asks for the admin token)`)}`,
    ],
    ['data', data],
    ...(url.startsWith('https:') ? [['authority', authorityFile(data)] satisfies [string, string]] : []),
    ['', ''],
    ...waysToJoin(url, flags),
    ['Ask', `${COMMAND} chat "What is 17 + 25?"${flags}`],
  ];
  const lines = rows.map(([name, value]) => `  ${name.padEnd(13)}${value}`.trimEnd());
  return `\n${out.bold(`Sparewatt relay ${VERSION}`)}\n\n${lines.join('\n')}\n\nCtrl-C stops it.\n\n`;
}

/** This machine is let in at its own loopback address; any other needs a code. */
function waysToJoin(url: string, flags: string): [string, string][] {
  const pair = `${COMMAND} pair${flags}`;
  if (!isLoopback(new URL(localUrlOf(url)).hostname)) return [['Add a node', pair]];
  const own: [string, string] = ['Add a node', `${COMMAND} agent${flags}`];
  return lanUrl(url) === undefined ? [own] : [own, ['', `${pair}   ${out.dim('(lets another machine in)')}`]];
}

/** What was said on this command line alone must be said on the next one too. */
function dataFlag({ settings }: LoadedSettings): string {
  const data = settings.find(({ section, key }) => section === 'program' && key === 'data');
  return data?.origin === 'flag' ? ` --data ${data.value}` : '';
}
