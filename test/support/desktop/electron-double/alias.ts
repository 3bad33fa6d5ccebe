/** From here on `import 'electron'` is the double, also for packages: the real one would fetch a browser. */
import { registerHooks } from 'node:module';

const DOUBLE = new URL('./electron-module.ts', import.meta.url).href;

registerHooks({
  resolve: (specifier, context, next) =>
    /^electron(?:\/(?:main|renderer|common))?$/.test(specifier)
      ? { url: DOUBLE, shortCircuit: true, format: 'module-typescript' }
      : next(specifier, context),
});
