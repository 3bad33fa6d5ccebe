import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ADDED_FOLDER = fileURLToPath(new URL('./licences', import.meta.url));
const TEXT_NAME = /^(licen[cs]e|copying|notice|copyrightnotice|third-?party)/i;
const DECODERS = 'wasm-audio-decoders.txt';

/**
 * What stands in `build/licences` for a package that comes without its text, and for what packages hold compiled or copied:
 * a `.txt` is a file there, anything else another package.
 */
const ADDED: Readonly<Record<string, readonly string[]>> = {
  '@huggingface/transformers': ['@huggingface/jinja', '@huggingface/tokenizers'],
  '@wasm-audio-decoders/common': [DECODERS],
  '@wasm-audio-decoders/flac': [DECODERS, 'libflac.txt'],
  '@wasm-audio-decoders/ogg-vorbis': [DECODERS, 'libogg-libvorbis.txt'],
  // The LGPL 3 is what it adds to the GPL 3.
  'codec-parser': ['gpl-3.txt'],
  'lazy-val': ['lazy-val.txt'],
  'mpg123-decoder': [DECODERS, 'libmpg123.txt', 'lgpl-2.1.txt'],
  'ogg-opus-decoder': [DECODERS, 'libopus.txt'],
  'onnxruntime-common': ['onnxruntime.txt'],
  'onnxruntime-node': ['onnxruntime.txt', 'onnxruntime-third-parties.txt'],
  'onnxruntime-web': ['onnxruntime.txt', 'onnxruntime-third-parties.txt'],
  'opus-decoder': [DECODERS, 'libopus.txt'],
  'react-remove-scroll-bar': ['react-remove-scroll-bar.txt'],
};

export type Licensed = { name: string; version: string; license: string; source: string; texts: readonly string[] };

type Manifest = {
  name?: string;
  version?: string;
  license?: string;
  homepage?: string;
  repository?: string | { url?: string };
};

/** The package that a file belongs to, with the texts of its licence; undefined for a file of no package. Throws where it has none. */
export function licensedAt(file: string): Licensed | undefined {
  for (let folder = dirname(file); folder !== dirname(folder); folder = dirname(folder)) {
    const manifest = manifestIn(folder);
    // Packages have some inside that only say of what kind a folder's modules are.
    if (manifest?.name === undefined || manifest.version === undefined) continue;
    return licensed(folder, manifest, manifest.name, manifest.version);
  }
  return undefined;
}

function licensed(folder: string, manifest: Manifest, name: string, version: string): Licensed {
  const own = readdirSync(folder)
    .filter((file) => TEXT_NAME.test(file))
    .sort()
    .map((file) => readFileSync(join(folder, file), 'utf8'));
  const added = (ADDED[name] ?? []).flatMap((each) => textsOf(each, folder));
  const texts = [...own, ...added].map((text) => text.replaceAll('\r', '').trim());
  if (texts.length === 0) {
    throw new Error(
      `The package ${name} has no licence text in its folder. Add one to build/licences, and name it in build/licence-texts.ts.`,
    );
  }
  return { name, version, license: manifest.license ?? 'its own licence', source: sourceOf(manifest), texts };
}

function textsOf(added: string, folder: string): readonly string[] {
  if (added.endsWith('.txt')) return [readFileSync(join(ADDED_FOLDER, added), 'utf8')];
  const [modules = ''] = folder.split(`${join('node_modules')}`);
  const found = licensedAt(join(modules, 'node_modules', added, 'package.json'));
  return found === undefined ? [] : [`${added}, copied into it\n`, ...found.texts];
}

function manifestIn(folder: string): Manifest | undefined {
  const file = join(folder, 'package.json');
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Manifest) : undefined;
}

function sourceOf({ homepage, repository }: Manifest): string {
  const url = typeof repository === 'string' ? repository : repository?.url;
  return (url ?? homepage ?? '')
    .replace(/^git\+/, '')
    .replace(/^(?:ssh:\/\/)?git@([^:/]+)[:/]/, 'https://$1/')
    .replace(/\.git$/, '');
}
