import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { ElectronSurface } from '../surface.ts';

export type StartsAtLogin = boolean | 'requires-approval' | 'unknown';
export type Autostart = { state(): StartsAtLogin; set(starts: boolean): void };

export type AutostartOptions = {
  app: Pick<ElectronSurface['app'], 'setLoginItemSettings' | 'getLoginItemSettings' | 'isPackaged'>;
  platform: NodeJS.Platform;
  /** The program that a login is to start; on Linux an AppImage's own path, not where it is mounted. */
  program: string;
  home: string;
  env: Readonly<Record<string, string | undefined>>;
};

/** Starts without its window. */
export const HIDDEN_ARGUMENT = '--hidden';
const DESKTOP_FILE = 'sparewatt.desktop';

export type LoginStartOptions = Pick<AutostartOptions, 'app' | 'platform'> & { argv: readonly string[] };

/** Whether a login started the app, and no person: macOS says so, everywhere else the item that starts it does. */
export function isLoginStart({ app, platform, argv }: LoginStartOptions): boolean {
  return argv.includes(HIDDEN_ARGUMENT) || (platform === 'darwin' && app.getLoginItemSettings().wasOpenedAtLogin);
}

/** Whether the app starts at login: off until somebody asks for it, and never made again by an update. */
export function createAutostart(options: AutostartOptions): Autostart {
  return options.platform === 'linux' ? desktopFileAutostart(options) : loginItemAutostart(options);
}

function loginItemAutostart({ app, platform }: AutostartOptions): Autostart {
  // macOS tells at start that it was a login; Windows is told with an argument.
  const args = platform === 'win32' ? { args: [HIDDEN_ARGUMENT] } : {};
  return {
    state: () => {
      const { openAtLogin, status, executableWillLaunchAtLogin } = app.getLoginItemSettings(args);
      // An item that a person deactivated in Windows' Task Manager is still there.
      if (platform === 'win32') return openAtLogin && executableWillLaunchAtLogin;
      return status === 'requires-approval' ? status : openAtLogin;
    },
    set: (starts) => app.setLoginItemSettings({ openAtLogin: starts, ...args }),
  };
}

function desktopFileAutostart({ app, program, home, env }: AutostartOptions): Autostart {
  const config = env.XDG_CONFIG_HOME?.startsWith('/') ? env.XDG_CONFIG_HOME : join(home, '.config');
  const path = join(config, 'autostart', DESKTOP_FILE);
  if (app.isPackaged) followProgram(path, program);
  return {
    state: () => {
      const text = readText(path);
      // Desktops switch an entry off by writing into it.
      return text !== undefined && !/^(?:Hidden=true|X-GNOME-Autostart-enabled=false)$/m.test(text);
    },
    set: (starts) => {
      if (!starts) {
        rmSync(path, { force: true });
        return;
      }
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, desktopEntry(program));
    },
  };
}

/** An AppImage has its version in its name, so that an update moves it: an entry that is there and starts nothing is led after it. */
function followProgram(path: string, program: string): void {
  const text = readText(path);
  const named = /^Exec="(.*)" --hidden$/m.exec(text ?? '')?.[1];
  if (text === undefined || named === undefined || existsSync(unquoted(named))) return;
  const led = text.replace(/^Exec=.*$/m, () => execLine(program));
  try {
    writeFileSync(path, led);
  } catch {
    // Who keeps the file from being written wants it as it is.
  }
}

function execLine(program: string): string {
  return `Exec=${quoted(program)} ${HIDDEN_ARGUMENT}`;
}

function desktopEntry(program: string): string {
  const lines = [
    '[Desktop Entry]',
    'Type=Application',
    'Version=1.0',
    'Name=Sparewatt',
    'Comment=Contribute spare compute',
    execLine(program),
    'Terminal=false',
    'X-GNOME-Autostart-enabled=true',
  ];
  return `${lines.join('\n')}\n`;
}

/** As the Desktop Entry Specification quotes arguments, whose values are themselves escaped once more. */
function quoted(program: string): string {
  const inQuotes = program.replace(/["`$\\]/g, (character) => `\\${character}`);
  return `"${inQuotes.replaceAll('\\', '\\\\').replaceAll('%', '%%')}"`;
}

function unquoted(written: string): string {
  const inQuotes = written.replaceAll('%%', '%').replaceAll('\\\\', '\\');
  return inQuotes.replace(/\\(["`$\\])/g, '$1');
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
