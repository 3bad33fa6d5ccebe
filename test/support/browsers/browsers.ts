import type { Browser } from 'playwright-core';
import { launchChromium } from './launch-chromium.ts';

/** Chromiums of a test file, one for each set of flags: starting one costs more than most of what is done in it. */
export type Browsers = {
  /** Started when it is asked for first. */
  open(flags: readonly string[]): Promise<Browser>;
  close(): Promise<void>;
};

export function createBrowsers(): Browsers {
  const started = new Map<string, Promise<Browser>>();
  return {
    open: (flags) => {
      const key = flags.join(' ');
      const known = started.get(key);
      if (known !== undefined) return known;
      const browser = launchChromium(flags);
      started.set(key, browser);
      return browser;
    },
    close: async () => {
      for (const browser of started.values()) await (await browser).close();
    },
  };
}
