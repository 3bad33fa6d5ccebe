import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chromium } from 'playwright-core';
import { installPackage, mayInstallPackages } from '../debian-package.ts';

export type FoundChromium = { path: string; how: string };

const KNOWN_PATHS = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
];

/**
 * A Chromium to test in: the one named by SPAREWATT_TEST_CHROMIUM, one on this machine, Debian's package when we may
 * install it, else Playwright's own download. Throws a sentence with what to do when there is none.
 */
export function ensureChromium(): FoundChromium {
  const named = process.env.SPAREWATT_TEST_CHROMIUM;
  if (named !== undefined) return { path: named, how: 'named by SPAREWATT_TEST_CHROMIUM' };
  const present = findChromium();
  if (present !== undefined) return { path: present, how: 'already on this machine' };
  if (mayInstallPackages()) {
    console.log('No Chromium found: installing the package "chromium" with apt-get.');
    installPackage('chromium');
    const installed = findChromium();
    if (installed !== undefined) return { path: installed, how: 'installed with apt-get' };
  }
  console.log('No Chromium found: asking Playwright for its own.');
  spawnSync(process.execPath, ['node_modules/playwright-core/cli.js', 'install', 'chromium'], { stdio: 'inherit' });
  const downloaded = chromium.executablePath();
  if (existsSync(downloaded)) return { path: downloaded, how: 'downloaded by Playwright' };
  throw new Error('There is no Chromium. Install one, or name it with SPAREWATT_TEST_CHROMIUM.');
}

function findChromium(): string | undefined {
  return [...KNOWN_PATHS, chromium.executablePath()].find((path) => existsSync(path));
}
