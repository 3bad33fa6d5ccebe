// Has this process load TypeBox from the few files that `npm run build` makes of its seven hundred, which alone take as long as the
// rest of most commands; from its package where they are not there. They carry the version, so that those of another are left alone.
// Sources find each other without a look at the disk, which is a tenth of a relay's start: each names a file of its own folder or
// of another, and there are no links between them.
// Plain JavaScript, because it is loaded before anything else is, also by `node --import`.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';

const root = new URL('../../', import.meta.url);
const { typebox } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8')).dependencies;
const folder = new URL(`dist/libraries/typebox-${typebox}/`, root);

// Every way into the package, or a process might load it twice.
const files = existsSync(folder) ? readdirSync(folder).filter((file) => file.endsWith('.mjs')) : [];
const places = new Map(files.map((file) => [`typebox/${file.slice(0, -4)}`, new URL(file, folder).href]));
if (files.length > 0) places.set('typebox', new URL('index.mjs', folder).href);
registerHooks({
  resolve(specifier, context, next) {
    if (isSource(specifier, context.parentURL))
      return { url: new URL(specifier, context.parentURL).href, format: 'module-typescript', shortCircuit: true };
    const url = places.get(specifier);
    return url === undefined ? next(specifier, context) : { url, format: 'module', shortCircuit: true };
  },
});

function isSource(specifier, parentUrl) {
  if (!(specifier.startsWith('./') || specifier.startsWith('../')) || !specifier.endsWith('.ts')) return false;
  return parentUrl?.startsWith(root.href) === true && !parentUrl.includes('/node_modules/');
}
