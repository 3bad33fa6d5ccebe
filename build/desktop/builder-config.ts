import { join, relative } from 'node:path';
import type { Configuration } from 'electron-builder';
import type { Assembled } from './assemble.ts';
import { ROOT } from './bundle.ts';

/** Where packages, their checksums and the update feed are written. */
export const OUTPUT = join(ROOT, 'dist', 'desktop', 'packages');

export const ELECTRON_VERSION = '45.4.1';

/** What is burnt into the program: it runs this archive and nothing else, and is no Node for whoever finds it. */
export const FUSES = {
  runAsNode: false,
  enableCookieEncryption: true,
  enableNodeOptionsEnvironmentVariable: false,
  enableNodeCliInspectArguments: false,
  enableEmbeddedAsarIntegrityValidation: true,
  onlyLoadAppFromAsar: true,
  grantFileProtocolExtraPrivileges: false,
} as const;

export type BuilderOptions = Assembled & {
  /** A folder with Electron's distribution; fetched when absent. */
  electronDist?: string | undefined;
  /** A build that test drivers can inspect, never one that is released. */
  isInspectable?: boolean;
  /** Called with the folder that was packed, before what becomes of it. */
  onPacked?: (folder: string) => void;
};

/**
 * How electron-builder packages one target. Its macros name the host's platform and its patterns for packages let a root
 * exclusion win, so that nothing of that is used: what goes in was put together by `assemble`.
 */
export function builderConfig({
  app,
  native,
  electronDist,
  isInspectable = false,
  onPacked,
}: BuilderOptions): Configuration {
  return {
    appId: 'example.sparewatt.node',
    productName: 'Sparewatt',
    executableName: 'sparewatt',
    copyright: 'Copyright © 2026 the authors of Sparewatt',
    directories: { app: relative(ROOT, app), output: relative(ROOT, OUTPUT), buildResources: 'build/desktop/icons' },
    electronVersion: ELECTRON_VERSION,
    ...(electronDist === undefined ? {} : { electronDist }),
    files: ['**/*', { from: native, to: 'node_modules' }],
    asar: true,
    asarUnpack: ['**/*.{node,dylib,dll}', '**/*.so.*'],
    // Packages are none of its business: it would find those of the relay.
    beforeBuild: async () => false,
    ...(onPacked === undefined ? {} : { afterPack: async ({ appOutDir }) => onPacked(appOutDir) }),
    electronLanguages: ['en-US', 'fr'],
    electronFuses: { ...FUSES, enableNodeCliInspectArguments: isInspectable },
    protocols: [{ name: 'Sparewatt pairing', schemes: ['sparewatt'] }],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: electron-builder fills it in.
    publish: [{ provider: 'generic', url: 'https://downloads.sparewatt.example/desktop/${os}/${arch}' }],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: electron-builder fills it in.
    artifactName: '${name}-${version}-${os}-${arch}.${ext}',
    linux: {
      target: ['AppImage', 'deb', 'rpm'],
      category: 'Utility',
      icon: 'build/desktop/icons/512x512.png',
      maintainer: 'Sparewatt <packages@sparewatt.example>',
      synopsis: 'Contribute spare compute',
      syncDesktopName: true,
    },
    win: { target: ['nsis'], icon: 'build/desktop/icons/icon.ico' },
    nsis: { oneClick: true, perMachine: false, deleteAppDataOnUninstall: false },
    mac: {
      target: ['dmg', 'zip'],
      icon: 'build/desktop/icons/icon.icns',
      category: 'public.app-category.utilities',
      hardenedRuntime: true,
      minimumSystemVersion: '13.0',
      extendInfo: { LSUIElement: true },
    },
  };
}
