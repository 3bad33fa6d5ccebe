import { join, resolve } from 'node:path';
import { CONTROL_FOLDER } from '../../../shared/control/control-protocol.ts';
import { Problem } from '../../../shared/problems/problem.ts';
import { nodeFolder } from '../../config/folders.ts';
import type { LoadedSettings } from '../../config/load-settings.ts';
import { COMMAND } from '../own-command.ts';
import { type FoundNode, findNodes } from './control-client.ts';

/** What decides where the desktop app keeps its data. */
export type AppSurroundings = { platform: NodeJS.Platform; env: NodeJS.ProcessEnv; home: string };

/** The folder that Electron gives to an app of this name; where that is made is `build/desktop/assemble.ts`. */
export function appFolder({ platform, env, home }: AppSurroundings): string {
  if (platform === 'win32') return join(env.APPDATA ?? join(home, 'AppData', 'Roaming'), 'Sparewatt');
  if (platform === 'darwin') return join(home, 'Library', 'Application Support', 'Sparewatt');
  return join(env.XDG_CONFIG_HOME || join(home, '.config'), 'Sparewatt');
}

/** Where nodes of this machine may listen: in a folder that was named, or else in those of the app and of `sparewatt agent`. */
export function controlFolders({ settings }: LoadedSettings, surroundings: AppSurroundings): string[] {
  const data = settings.find(({ section, key }) => section === 'program' && key === 'data');
  const named = resolve(String(data?.value));
  // A folder of the app holds the app's own; one of `sparewatt` has the node in a folder of its own.
  const apps = data?.origin === 'default' ? appFolder(surroundings) : named;
  return [apps, nodeFolder(named)].map((folder) => join(folder, CONTROL_FOLDER));
}

/** The one node that runs. Errors: `node_unreachable` when none does, `invalid_option` when there are several. */
export async function findNode(folders: readonly string[]): Promise<FoundNode> {
  const [first, ...others] = await findNodes(folders);
  if (first === undefined) {
    const looked = folders.map((folder) => join(folder, '..')).join(' and ');
    const advice = `Start the app or ${COMMAND} agent, or say with --data where it keeps its data.`;
    throw new Problem('node_unreachable', `No node runs on this machine. Looked in ${looked}. ${advice}`);
  }
  if (others.length === 0) return first;
  const found = [first, ...others];
  for (const { socket } of found) socket.destroy();
  const list = found.map(({ pid, folder }) => `process ${pid} in ${join(folder, '..')}`).join(', ');
  throw new Problem('invalid_option', `Several nodes run: ${list}. Say which with --data, or end the others.`);
}
