import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Plugin } from 'vite';
import { type Licensed, licensedAt } from './licence-texts.ts';

/** Where the licences of what is bundled lie, beside it. */
export const LICENCES_FILE = 'licences.txt';

const HEAD = `Sparewatt is under the Apache License, Version 2.0. What is beside this file holds parts of the packages below, each
under the licence that follows it. Parts under the LGPL are used as they come: whoever wants to put others in their place
finds their source where it is said, and builds Sparewatt from its own with \`npm run build\`.
`;
const RULE = '='.repeat(80);

export type LicenceCollector = {
  /** Notes what a build has really bundled; one for each build, and each kind of worker. */
  plugin(): Plugin;
  /** Notes the package that a file belongs to. */
  add(file: string): void;
  /** Writes what was noted, but for packages that `known` names. Throws where one has no text. */
  write(file: string, known?: string): void;
};

/** Gathers the licences of third parties whose code is in what is built. */
export function collectLicences(root: string): LicenceCollector {
  const files = new Set<string>();
  return {
    plugin: () => ({
      name: 'collect-licences',
      generateBundle: (_options, bundle) => {
        for (const part of Object.values(bundle)) {
          const names = part.type === 'chunk' ? part.moduleIds : part.originalFileNames;
          for (const name of names.filter(isForeign)) files.add(resolve(root, name.replace(/\?.*$/, '')));
        }
      },
    }),
    add: (file) => void files.add(file),
    write: (to, known = '') => {
      const packages = new Map<string, Licensed>();
      for (const file of files) {
        const found = licensedAt(file);
        if (found !== undefined && !known.includes(`\n${headingOf(found)}\n`)) packages.set(headingOf(found), found);
      }
      writeFileSync(to, textOf([...packages.values()].sort((a, b) => (a.name < b.name ? -1 : 1))));
    },
  };
}

/** The builder's own modules, which begin so, are no package's. */
function isForeign(name: string): boolean {
  return !name.startsWith('\0') && /(?:^|[\\/])node_modules[\\/]/.test(name);
}

function headingOf({ name, version, license }: Licensed): string {
  return `${name} ${version} (${license})`;
}

/** Packages that share their texts stand above them together. */
function textOf(packages: readonly Licensed[]): string {
  const groups = Map.groupBy(packages, ({ texts }) => texts.join('\n\n'));
  const parts = [...groups].map(([text, group]) => {
    const lines = group.flatMap((one) => [headingOf(one), ...(one.source === '' ? [] : [`  ${one.source}`])]);
    return `${RULE}\n${lines.join('\n')}\n${'-'.repeat(80)}\n\n${text}\n`;
  });
  return [HEAD, ...parts].join('\n');
}
